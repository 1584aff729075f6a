/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions that Linux 7.3 names differently from other versions, or lacks. */
#ifndef _KERNEL_JETTISON_COMPAT_H
#define _KERNEL_JETTISON_COMPAT_H

#include <linux/percpu.h>
#include <linux/pgtable.h>

#include <asm/processor.h>

#include "../../drivers/pci/pci.h"
#include "../../mm/page_alloc.h"

/* The last word of the stack on which @cpu handles interrupts, or NULL. */
static inline void *hardirq_stack(unsigned int cpu)
{
	return per_cpu(hardirq_stack_ptr, cpu);
}

/* The entry that maps @addr, and whether any level forbids code or writing. */
static inline pte_t *lookup_mapping(unsigned long addr, bool *nx, bool *rw)
{
	unsigned int level;

	return lookup_address_in_pgd_attr(pgd_offset_k(addr), addr, &level,
					  nx, rw);
}

/* Whether the PCI core has given @dev to drivers. */
static inline bool pci_dev_may_bind(struct pci_dev *dev)
{
	return !pci_dev_binding_disallowed(dev);
}

/* Only for a folio of the slab allocator. Needs mm/slab.h. */
#define folio_slab(folio)	page_slab(folio_page(folio, 0))

/* No lock prefix is patched: there is no table of them. */
static inline void alternatives_free_mem(void *start, void *end) { }

#endif /* _KERNEL_JETTISON_COMPAT_H */
