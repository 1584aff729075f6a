/* SPDX-License-Identifier: GPL-2.0-only */
/* Asked by the module loader before a module may use an export. */
#ifndef _LINUX_JETTISON_EXPORT_H
#define _LINUX_JETTISON_EXPORT_H

#include <linux/types.h>

#ifdef CONFIG_JETTISON
bool jettison_export_refused(unsigned long addr, const char *user);
#else
static inline bool jettison_export_refused(unsigned long addr, const char *user)
{
	return false;
}
#endif

#endif /* _LINUX_JETTISON_EXPORT_H */
