// SPDX-License-Identifier: GPL-2.0-only
/* Names the places in memory where a search has found words, for the log. */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/kallsyms.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/sections.h>

/* Which cache a page is of. */
#include "../../mm/slab.h"

#include "compat.h"
#include "jettison.h"

static const char * const place_names[] = {
	[JETTISON_IN_DATA]	= "data",
	[JETTISON_IN_PERCPU]	= "per-CPU data",
	[JETTISON_IN_SLAB]	= "slabs",
	[JETTISON_ON_STACK]	= "stacks",
	[JETTISON_ELSEWHERE]	= "other pages",
};

struct percpu_symbol {
	unsigned long offset, start;
	char name[64];
};

static int nearer_symbol(void *data, const char *name, unsigned long addr)
{
	struct percpu_symbol *symbol = data;

	addr -= (unsigned long)__per_cpu_start;
	if (addr > symbol->offset || addr < symbol->start)
		return 0;
	symbol->start = addr;
	strscpy(symbol->name, name, sizeof(symbol->name));
	return 0;
}

static void name_percpu(unsigned long addr, char *name, size_t size)
{
	struct percpu_symbol symbol = { .name = "?" };
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		void __percpu *first = (void __percpu *)__per_cpu_start;

		symbol.offset = addr - (unsigned long)per_cpu_ptr(first, cpu);
		if (symbol.offset < __per_cpu_end - __per_cpu_start)
			break;
	}
	kallsyms_on_each_symbol(nearer_symbol, &symbol);
	snprintf(name, size, "%s+%#lx of CPU %u", symbol.name,
		 symbol.offset - symbol.start, cpu);
}

static void name_in_slab(unsigned long addr, char *name, size_t size)
{
	struct page *page = pfn_to_online_page(PHYS_PFN(__pa(addr)));
	struct folio *folio = page ? page_folio(page) : NULL;
	struct kmem_cache *cache;
	const char *cache_name;
	unsigned int object;
	struct slab *slab;
	char text[32];

	/* By now the page may be somebody else's. */
	if (!folio || !folio_test_slab(folio)) {
		strscpy(name, "an object that is gone", size);
		return;
	}
	slab = folio_slab(folio);
	cache = READ_ONCE(slab->slab_cache);
	if (get_kernel_nofault(cache_name, &cache->name) ||
	    get_kernel_nofault(object, &cache->size) || !object ||
	    strncpy_from_kernel_nofault(text, cache_name, sizeof(text)) < 0)
		strscpy(name, "an object that is gone", size);
	else
		snprintf(name, size, "%s, %#lx of an object", text,
			 (addr - (unsigned long)slab_address(slab)) % object);
}

/* Without addresses: everybody may read the log. */
static void name_place(const struct jettison_found *found, enum jettison_place place,
		       char *name, size_t size)
{
	switch (place) {
	case JETTISON_IN_DATA:
		snprintf(name, size, "%pS",
			 (void *)jettison_image_address(virt_to_page((void *)found->word),
					       found->word));
		break;
	case JETTISON_IN_PERCPU:
		name_percpu(found->word, name, size);
		break;
	case JETTISON_IN_SLAB:
		name_in_slab(found->word, name, size);
		break;
	case JETTISON_ON_STACK:
		snprintf(name, size, "stack of %s[%d]", found->comm, found->pid);
		break;
	default:
		snprintf(name, size, "%#lx of a page", offset_in_page(found->word));
	}
}

static unsigned int owner_of(const struct jettison_found *found)
{
	return jettison_counted_at(&jettison_regions[jettison_region_of(~found->inverted)]);
}

/* Each component has its share of the list. */
static bool is_listed(const struct jettison_scan *scan,
		      const struct jettison_found *found, unsigned int i)
{
	unsigned int owner = owner_of(&found[i]), before = 0;

	while (i--)
		before += owner_of(&found[i]) == owner;
	return before < scan->list;
}

/**
 * jettison_list_found - name the words that a search has found
 * @scan: the search
 * @place: where they are
 * @found: the first of them, at most JETTISON_MAX_FOUND
 */
void jettison_list_found(const struct jettison_scan *scan, enum jettison_place place,
			 const struct jettison_found *found)
{
	unsigned long nr = min(scan->found[place], JETTISON_MAX_FOUND);
	unsigned long more = scan->found[place];
	char name[96];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!is_listed(scan, found, i))
			continue;
		more--;
		name_place(&found[i], place, name, sizeof(name));
		pr_notice("%s: %s: %s points at %pS of %s\n", scan->name,
			  place_names[place], name, (void *)~found[i].inverted,
			  jettison_components[owner_of(&found[i])].name);
	}
	if (more)
		pr_notice("%s: %s: and %lu more\n", scan->name, place_names[place], more);
}
