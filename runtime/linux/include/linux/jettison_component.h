/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Says in the source which component a function or a variable belongs to,
 * where neither the object file nor the symbol's name does:
 *
 *	#define JETTISON_COMPONENT "gart"
 *	#include <linux/jettison_component.h>
 *
 *	static u32 __jettison_data gart_unmapped_entry;
 *	static const u32 __jettison_const gart_sizes[] = { 32, 64, 128 };
 *	static void __jettison flush_gart(void) { ... }
 *
 * and, for a single definition in a file of others,
 *
 *	void __jettison_in("gart") set_up_gart_resume(u32 order, u32 addr)
 *
 * The component's manifest then has the rule
 *
 *	- sections: .*..component.gart
 *
 * The three words go where __init, __initdata and __initconst would, and for
 * the reason there are three of those: what is executed, written and only
 * read cannot share a section. They go on definitions only.
 *
 * A component is not init memory. Whatever keeps a reference to it is found
 * when the kernel is linked; nothing has to be annotated for that.
 */
#ifndef _LINUX_JETTISON_COMPONENT_H
#define _LINUX_JETTISON_COMPONENT_H

/* A module's code is the module's, whatever it would be when built in. */
#if defined(CONFIG_JETTISON) && !defined(MODULE)
#define __jettison_place(kind, component) \
	__attribute__((__section__("." kind "..component." component)))
#else
#define __jettison_place(kind, component)
#endif

#define __jettison_in(component)	__jettison_place("text", component)
#define __jettison_data_in(component)	__jettison_place("data", component)
#define __jettison_const_in(component)	__jettison_place("rodata", component)

#define __jettison			__jettison_in(JETTISON_COMPONENT)
#define __jettison_data			__jettison_data_in(JETTISON_COMPONENT)
#define __jettison_const		__jettison_const_in(JETTISON_COMPONENT)

#endif /* _LINUX_JETTISON_COMPONENT_H */
