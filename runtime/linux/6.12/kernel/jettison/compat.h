/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of Linux 6.12 that other versions name differently. */
#ifndef _KERNEL_JETTISON_COMPAT_H
#define _KERNEL_JETTISON_COMPAT_H

#include <linux/pci.h>
#include <linux/percpu.h>
#include <linux/pgtable.h>

#include <asm/current.h>

/* The last word of the stack on which @cpu handles interrupts, or NULL. */
static inline void *hardirq_stack(unsigned int cpu)
{
	return per_cpu(pcpu_hot.hardirq_stack_ptr, cpu);
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
	return dev->match_driver;
}

#endif /* _KERNEL_JETTISON_COMPAT_H */
