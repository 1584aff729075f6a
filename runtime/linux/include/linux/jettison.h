/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Jettison: give back the memory of built-in code that this machine has no
 * use for. See kernel/jettison/core.c.
 */
#ifndef _LINUX_JETTISON_H
#define _LINUX_JETTISON_H

#include <linux/types.h>

#ifdef CONFIG_JETTISON

/* Text that may leave is at the end of the kernel's, between these two. */
extern char __jettison_text_start[], __jettison_text_end[];

void jettison_decide(void);
void jettison_release(void);

bool jettison_gone(unsigned long addr);
bool jettison_gave_back(unsigned long addr, unsigned long n);

/* True when @addr was kernel text once and has been given back. */
static __always_inline bool jettison_text_gone(unsigned long addr)
{
	return addr >= (unsigned long)__jettison_text_start &&
	       addr < (unsigned long)__jettison_text_end &&
	       jettison_gone(addr);
}

#else /* !CONFIG_JETTISON */

static inline void jettison_decide(void) { }
static inline void jettison_release(void) { }

static inline bool jettison_gone(unsigned long addr)
{
	return false;
}

static inline bool jettison_text_gone(unsigned long addr)
{
	return false;
}

static inline bool jettison_gave_back(unsigned long addr, unsigned long n)
{
	return false;
}

#endif /* CONFIG_JETTISON */

#endif /* _LINUX_JETTISON_H */
