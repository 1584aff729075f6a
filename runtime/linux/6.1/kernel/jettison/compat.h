/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions that Linux 6.1 names differently from other versions, or lacks. */
#ifndef _KERNEL_JETTISON_COMPAT_H
#define _KERNEL_JETTISON_COMPAT_H

#include <linux/kallsyms.h>
#include <linux/mmzone.h>
#include <linux/pci.h>
#include <linux/percpu.h>
#include <linux/pgtable.h>

#include <asm/processor.h>

/* The last word of the stack on which @cpu handles interrupts, or NULL. */
static inline void *hardirq_stack(unsigned int cpu)
{
	return per_cpu(hardirq_stack_ptr, cpu);
}

/*
 * The entry that maps @addr, and whether any level forbids code. 6.1 says of
 * every page that a level above forbids writing; in the kernel's tables none
 * does.
 */
static inline pte_t *lookup_mapping(unsigned long addr, bool *nx, bool *rw)
{
	unsigned int level;
	pte_t *pte = lookup_address_in_pgd_attr(pgd_offset_k(addr), addr,
						&level, nx, rw);

	*rw = true;
	return pte;
}

/* MAX_ORDER is past the last order. */
#define MAX_PAGE_ORDER	(MAX_ORDER - 1)

/* All memory of a confidential guest is accepted before the kernel starts. */
static inline bool pfn_is_unaccepted_memory(unsigned long pfn)
{
	return false;
}

/* Nothing waits for kvfree_rcu(): what it has not freed yet is in use. */
static inline void kvfree_rcu_barrier(void) { }

struct symbol_visit {
	int (*visit)(void *data, const char *name, unsigned long addr);
	void *data;
};

static inline int visit_symbol(void *data, const char *name,
			       struct module *module, unsigned long addr)
{
	struct symbol_visit *visit = data;

	return visit->visit(visit->data, name, addr);
}

/* The kernel's own symbols are of no module. */
static inline int visit_each_symbol(int (*visit)(void *data, const char *name,
						 unsigned long addr), void *data)
{
	struct symbol_visit one = { visit, data };

	return kallsyms_on_each_symbol(visit_symbol, &one);
}

#define kallsyms_on_each_symbol visit_each_symbol

/* Whether the PCI core has given @dev to drivers. */
static inline bool pci_dev_may_bind(struct pci_dev *dev)
{
	return dev->match_driver;
}

#endif /* _KERNEL_JETTISON_COMPAT_H */
