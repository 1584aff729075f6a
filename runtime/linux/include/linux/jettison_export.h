/* SPDX-License-Identifier: GPL-2.0-only */
/* What those ask who find functions and variables by name: the module loader, kallsyms, live patches. */
#ifndef _LINUX_JETTISON_EXPORT_H
#define _LINUX_JETTISON_EXPORT_H

#include <linux/types.h>

#ifdef CONFIG_JETTISON
/* kernel/jettison/export.c */
bool jettison_export_refused(unsigned long addr, const char *user);
/* kernel/jettison/core.c */
bool jettison_gone(unsigned long addr);
#else
static inline bool jettison_export_refused(unsigned long addr, const char *user)
{
	return false;
}

static inline bool jettison_gone(unsigned long addr)
{
	return false;
}
#endif

#endif /* _LINUX_JETTISON_EXPORT_H */
