/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of a kernel without components. The jettison link stage puts an
 * object of its own in the place of this one, made with the same command, so
 * what its source needs is included here: the layouts are those of jettison.h.
 */
#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/asm.h>

	.section .rodata, "a"
	.balign 8
SYM_DATA_START(jettison_components)
SYM_DATA_END(jettison_components)
SYM_DATA_START(jettison_regions)
SYM_DATA_END(jettison_regions)
SYM_DATA_START(jettison_gates)
SYM_DATA_END(jettison_gates)
SYM_DATA_START(jettison_owners)
SYM_DATA_END(jettison_owners)
SYM_DATA_START(jettison_needs)
SYM_DATA_END(jettison_needs)
SYM_DATA_START(jettison_automatic)
SYM_DATA_END(jettison_automatic)

	.balign 4
SYM_DATA(jettison_nr_components, .long 0)
	.balign 4
SYM_DATA(jettison_nr_regions, .long 0)
	.balign 4
SYM_DATA(jettison_nr_gates, .long 0)
	.balign 4
SYM_DATA(jettison_nr_owners, .long 0)
	.balign 4
SYM_DATA(jettison_nr_needs, .long 0)
	.balign 4
SYM_DATA(jettison_nr_automatic, .long 0)
	.balign 4
SYM_DATA(jettison_nr_padding, .long 0)
	.balign 4
SYM_DATA(jettison_padding_owner, .long -1)
SYM_DATA_START(jettison_padding)
SYM_DATA_END(jettison_padding)

	.section .data..ro_after_init, "aw"
SYM_DATA_START(jettison_region_shut)
SYM_DATA_END(jettison_region_shut)

	.bss
	.balign 8
SYM_DATA_START(jettison_gate_calls)
SYM_DATA_END(jettison_gate_calls)
