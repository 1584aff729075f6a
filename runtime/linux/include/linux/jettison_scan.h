/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions of the search of memory to the owners of memory: which words there
 * are in use, and which lead nowhere. See kernel/jettison/scan.c.
 */
#ifndef _LINUX_JETTISON_SCAN_H
#define _LINUX_JETTISON_SCAN_H

#include <linux/types.h>

struct slab;

/* The first two are asked while all other CPUs are stopped. */
bool slab_byte_in_use(struct slab *slab, void *addr);

#ifdef CONFIG_VMAP_STACK
bool thread_stack_cached(unsigned int cpu, unsigned int nr, void **stack);
#else
static inline bool thread_stack_cached(unsigned int cpu, unsigned int nr,
				       void **stack)
{
	return false;
}
#endif

#ifdef CONFIG_SWIOTLB
bool swiotlb_default_buffers(phys_addr_t *start, phys_addr_t *end);
#else
static inline bool swiotlb_default_buffers(phys_addr_t *start, phys_addr_t *end)
{
	return false;
}
#endif

/*
 * Whether the word at @addr, an address in the image or in the direct map, only
 * describes what it points to, or is a number.
 */
bool tsc_only_counts(unsigned long addr);

#ifdef CONFIG_DYNAMIC_FTRACE
bool ftrace_only_describes(unsigned long addr);
#else
static inline bool ftrace_only_describes(unsigned long addr)
{
	return false;
}
#endif

#ifdef CONFIG_KPROBES
bool kprobes_only_describe(unsigned long addr);
#else
static inline bool kprobes_only_describe(unsigned long addr)
{
	return false;
}
#endif

#ifdef CONFIG_FUNCTION_ERROR_INJECTION
bool error_injection_only_describes(unsigned long addr);
#else
static inline bool error_injection_only_describes(unsigned long addr)
{
	return false;
}
#endif

#ifdef CONFIG_LOCKDEP
bool lockdep_only_describes(unsigned long addr);
#else
static inline bool lockdep_only_describes(unsigned long addr)
{
	return false;
}
#endif

#endif /* _LINUX_JETTISON_SCAN_H */
