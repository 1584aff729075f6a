/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of the kernel that leave only where they are named: see
 * kernel/jettison/policy.c. Each of the first three is called once, by the
 * kernel's last initial task.
 */
#ifndef _LINUX_JETTISON_TABLES_H
#define _LINUX_JETTISON_TABLES_H

#include <linux/types.h>

#ifdef CONFIG_JETTISON_TABLES
void kallsyms_forget_tables(void);
void unwind_forget_tables(void);
void vmcoreinfo_forget(const char *start);
bool unwind_has_tables(void);
#else
static inline bool unwind_has_tables(void)
{
	return true;
}
#endif

#endif /* _LINUX_JETTISON_TABLES_H */
