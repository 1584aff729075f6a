// SPDX-License-Identifier: GPL-2.0-only
/* Whether the tables of the link stage agree with each other and with the image. */
#include <linux/init.h>
#include <linux/jettison.h>
#include <linux/jettison_sections.h>
#include <linux/mm.h>

#include "jettison.h"

/* Where regions of each kind lie. */
struct place {
	const char *start, *end;
};

static const struct place places[] __initconst = {
	[JETTISON_TEXT]		= { __jettison_text_start, __jettison_text_end },
	[JETTISON_RODATA]	= { __jettison_rodata_start, __jettison_rodata_end },
	[JETTISON_DATA]		= { __jettison_data_start, __jettison_data_end },
	[JETTISON_BSS]		= { __jettison_bss_start, __jettison_bss_end },
};

static bool __init lies_in_place(const struct jettison_region *region)
{
	const char *start = region->start, *end = region->end;

	return region->kind < ARRAY_SIZE(places) && start < end &&
	       PAGE_ALIGNED(start) && PAGE_ALIGNED(end) &&
	       start >= places[region->kind].start &&
	       end <= places[region->kind].end;
}

/* Somebody has it, and each of them exists and is named once. */
static bool __init owners_make_sense(const struct jettison_region *region)
{
	const u16 *owners = &jettison_owners[region->first_owner];
	unsigned int i;

	if (!region->nr_owners || region->first_owner > jettison_nr_owners ||
	    region->nr_owners > jettison_nr_owners - region->first_owner)
		return false;
	for (i = 0; i < region->nr_owners; i++) {
		if (owners[i] >= jettison_nr_components ||
		    (i && owners[i] <= owners[i - 1]))
			return false;
	}
	return true;
}

/* A component comes before all that it needs, and the rows are in its order. */
static bool __init needs_make_sense(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_needs; i++) {
		const struct jettison_need *need = &jettison_needs[i];

		if (need->needed <= need->component ||
		    need->needed >= jettison_nr_components ||
		    (i && need->component < need[-1].component))
			return false;
	}
	return true;
}

/* Nothing is freed on the word of tables that contradict themselves. */
bool __init jettison_tables_make_sense(void)
{
	const void *free_from = NULL;
	unsigned int i;

	if (jettison_nr_components > JETTISON_MAX_COMPONENTS)
		return false;

	for (i = 0; i < jettison_nr_regions; i++) {
		const struct jettison_region *region = &jettison_regions[i];

		if (region->start < free_from || !lies_in_place(region) ||
		    !owners_make_sense(region))
			return false;
		free_from = region->end;
	}
	for (i = 0; i < jettison_nr_automatic; i++) {
		if (jettison_automatic[i].component >= jettison_nr_components)
			return false;
	}
	for (i = 0; i < jettison_nr_gates; i++) {
		unsigned int region = jettison_gates[i].region;

		if (region >= jettison_nr_regions ||
		    !jettison_is_text(&jettison_regions[region]))
			return false;
		if (i && jettison_gates[i].entry <= jettison_gates[i - 1].entry)
			return false;
	}
	return needs_make_sense() && jettison_padding_makes_sense();
}
