// SPDX-License-Identifier: GPL-2.0-only
/* Prints the ranges of the kernel's half that user page tables map, with page table isolation. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

/* A range that is mapped without a gap and has not been printed yet. */
static unsigned long first, next;

static void say(void)
{
	if (next != first)
		pr_alert("guest-maps: %lx-%lx\n", first, next);
}

static void map(unsigned long addr, unsigned long size)
{
	if (addr != next) {
		say();
		first = addr;
	}
	next = addr + size;
}

static void walk_pmd(pmd_t *pmd, unsigned long addr)
{
	unsigned long end = addr + PMD_SIZE;
	pte_t *pte;

	if (pmd_none(*pmd))
		return;
	if (pmd_leaf(*pmd)) {
		map(addr, PMD_SIZE);
		return;
	}
	for (; addr != end; addr += PAGE_SIZE) {
		pte = (pte_t *)pmd_page_vaddr(*pmd) + pte_index(addr);
		if (pte_present(*pte))
			map(addr, PAGE_SIZE);
	}
}

static void walk_p4d(p4d_t *p4d, unsigned long addr)
{
	pud_t *pud;
	int i, j;

	if (p4d_none(*p4d))
		return;
	for (i = 0; i < PTRS_PER_PUD; i++, addr += PUD_SIZE) {
		pud = pud_offset(p4d, addr);
		if (pud_none(*pud))
			continue;
		for (j = 0; j < PTRS_PER_PMD; j++)
			walk_pmd(pmd_offset(pud, addr + j * PMD_SIZE),
				 addr + j * PMD_SIZE);
	}
}

static int __init user_tables_init(void)
{
	pgd_t *user;
	int i, j;

	if (!boot_cpu_has(X86_FEATURE_PTI)) {
		pr_alert("guest-maps: nothing apart\n");
		return 0;
	}
	user = kernel_to_user_pgdp(current->mm->pgd);
	for (i = KERNEL_PGD_BOUNDARY; i < PTRS_PER_PGD; i++) {
		/* Bits above those of an address are copies of its last one. */
		unsigned long addr = (unsigned long)((long)i << PGDIR_SHIFT);

		if (!pgtable_l5_enabled())
			addr |= 0xffff000000000000UL;
		else
			addr |= 0xff00000000000000UL;
		if (pgd_none(user[i]))
			continue;
		for (j = 0; j < PTRS_PER_P4D; j++)
			walk_p4d(p4d_offset(user + i, addr + j * P4D_SIZE),
				 addr + j * P4D_SIZE);
	}
	say();
	return 0;
}

static void __exit user_tables_exit(void)
{
}

module_init(user_tables_init);
module_exit(user_tables_exit);
MODULE_DESCRIPTION("Prints the parts of the kernel that user page tables map");
MODULE_LICENSE("GPL");
