// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the kernel's image is mapped: freeing pages inside of a large mapping
 * leaves small ones of the rest, and what that costs is to be seen.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>

#include <asm/sections.h>

#include "jettison.h"

struct jettison_mappings jettison_mappings_before, jettison_mappings_after;

static void count_ptes(pte_t *pte, struct jettison_mappings *mappings)
{
	unsigned int i;

	for (i = 0; i < PTRS_PER_PTE; i++)
		mappings->small += pte_flags(pte[i]) & _PAGE_PRESENT ? 1 : 0;
}

struct jettison_mappings jettison_count_mappings(void)
{
	unsigned long addr = round_down((unsigned long)_text, PMD_SIZE);
	struct jettison_mappings mappings = { };

	for (; addr < (unsigned long)_end; addr += PMD_SIZE) {
		pmd_t *pmd = lookup_pmd_address(addr);

		if (!pmd || !(pmd_flags(*pmd) & _PAGE_PRESENT))
			continue;
		if (pmd_leaf(*pmd))
			mappings.large++;
		else
			count_ptes(pte_offset_kernel(pmd, addr), &mappings);
	}
	return mappings;
}
