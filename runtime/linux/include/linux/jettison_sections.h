/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where constants and variables lie that may leave at boot: see
 * arch/x86/kernel/vmlinux.lds.S and kernel/jettison/core.c.
 */
#ifndef _LINUX_JETTISON_SECTIONS_H
#define _LINUX_JETTISON_SECTIONS_H

#include <linux/types.h>

/* Page-aligned, and empty in a kernel without components. */
extern char __jettison_rodata_start[], __jettison_rodata_end[];
extern char __jettison_data_start[], __jettison_data_end[];
extern char __jettison_bss_start[], __jettison_bss_end[];

#ifdef CONFIG_JETTISON
bool jettison_holds_rodata(unsigned long addr);
#else
static inline bool jettison_holds_rodata(unsigned long addr)
{
	return false;
}
#endif

#endif /* _LINUX_JETTISON_SECTIONS_H */
