// SPDX-License-Identifier: GPL-2.0-only
/*
 * A Xen PV guest begins on page tables that Xen has made, and keeps those of
 * the last level: they map both the kernel's image and its alias in the direct
 * map, see xen_setup_kernel_pagetable(). So that one can be unmapped without
 * the other, the image gets copies of its own.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>

#include <asm/cpufeature.h>
#include <asm/pgalloc.h>
#include <asm/tlbflush.h>

#include "jettison.h"

/*
 * Whatever Xen is to accept as a page table has to be read-only wherever it is
 * mapped, and the kernel sees to that in the direct map only. So the copy maps
 * no page that the page allocator has: init memory and gaps of the image have
 * been freed by now, and were left mapped here. Only the image itself is still
 * reserved, and nobody changes how that is mapped while this runs.
 */
static int unshare_table(pmd_t *pmd, unsigned long addr)
{
	pte_t *shared = pte_offset_kernel(pmd, 0);
	pte_t *table = pte_alloc_one_kernel(&init_mm);
	unsigned int i;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < PTRS_PER_PTE; i++) {
		pte_t pte = READ_ONCE(shared[i]);

		if (pte_present(pte) && pfn_valid(pte_pfn(pte)) &&
		    PageReserved(pte_page(pte)))
			table[i] = pte;
	}

	/* Has the copy made read-only and checked before it is used. */
	pmd_populate_kernel(&init_mm, pmd, table);
	flush_tlb_kernel_range(addr, addr + PMD_SIZE);
	return pmd_page(*pmd) == virt_to_page(table) ? 0 : -EPERM;
}

/**
 * jettison_unshare - give a part of the kernel's image page tables of its own
 * @start: first address
 * @end: past the last one
 *
 * Return: 0, or an error if image and direct map still share a page table.
 */
int jettison_unshare(unsigned long start, unsigned long end)
{
	unsigned long addr;
	int err = 0;

	if (!cpu_feature_enabled(X86_FEATURE_XENPV))
		return 0;
	for (addr = start & PMD_MASK; addr < end && !err; addr += PMD_SIZE) {
		pmd_t *image = lookup_pmd_address(addr);
		pmd_t *alias = lookup_pmd_address((unsigned long)__va(__pa(addr)));

		if (!image || !alias || pmd_leaf(*image) || !pmd_present(*image))
			return -EINVAL;
		if (pmd_present(*alias) && pmd_pfn(*image) == pmd_pfn(*alias))
			err = unshare_table(image, addr);
	}
	return err;
}
