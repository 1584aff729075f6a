// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes pages that the kernel's image has lost out of the direct map and puts
 * them back, as a confidential guest does that shares a page with its host.
 * Says at how many old addresses a page came back with that. Only pages of
 * user space are taken: with one processor, nobody looks at them meanwhile.
 * The functions that do it are not exported: their addresses, and where the
 * kernel's text begins and ends, are parameters.
 */
#include <linux/mm.h>
#include <linux/module.h>

static unsigned long clear, set, start, end;

module_param(clear, ulong, 0);
module_param(set, ulong, 0);
module_param(start, ulong, 0);
module_param(end, ulong, 0);

static bool is_mapped(unsigned long addr)
{
	unsigned int level;
	pte_t *pte = lookup_address(addr, &level);

	return pte && pte_flags(*pte) & _PAGE_PRESENT;
}

static int __init sets_presence_init(void)
{
	int (*change[])(unsigned long addr, int nr) = { (void *)clear, (void *)set };
	unsigned int taken = 0, failed = 0, back = 0;

	for (unsigned long old = start; old < end; old += PAGE_SIZE) {
		unsigned long addr = (unsigned long)__va(__pa(old));

		if (is_mapped(old) || !PageLRU(virt_to_page((void *)addr)))
			continue;
		taken++;
		failed += change[0](addr, 1) || is_mapped(addr);
		failed += change[1](addr, 1) || !is_mapped(addr);
		back += is_mapped(old);
	}
	pr_alert("guest-says: failed %u, back %u\n", failed, back);
	pr_alert("guest-says: enough %d\n", taken >= 16);
	return 0;
}

static void __exit sets_presence_exit(void)
{
}

module_init(sets_presence_init);
module_exit(sets_presence_exit);
MODULE_DESCRIPTION("Clears and sets the presence of pages that the image has lost");
MODULE_LICENSE("GPL");
