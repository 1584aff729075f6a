// SPDX-License-Identifier: GPL-2.0-only
/*
 * jettison=selftest: look at every page that was freed, and call every gate
 * that was shut.
 */
#define pr_fmt(fmt) "jettison: self-test: " fmt

#include <linux/mm.h>
#include <linux/ptdump.h>
#include <linux/sched.h>

#include <asm/cpufeature.h>

#include "jettison.h"

struct jettison_selftest jettison_selftest;

#ifdef CONFIG_MITIGATION_PAGE_TABLE_ISOLATION
static bool user_tables_map(unsigned long addr)
{
	unsigned int level;
	pte_t *pte;

	if (!cpu_feature_enabled(X86_FEATURE_PTI))
		return false;
	pte = lookup_address_in_pgd(kernel_to_user_pgdp(pgd_offset_k(addr)),
				    addr, &level);
	return pte && pte_flags(*pte) & _PAGE_PRESENT;
}
#else
static bool user_tables_map(unsigned long addr)
{
	return false;
}
#endif

/* The fault of the page that was at @old, or NULL. */
static const char *fault_of_page(unsigned long old, struct page *page)
{
	unsigned long mapping;

	if (jettison_mapping(old))
		return "still mapped at its old address";
	if (user_tables_map(old))
		return "still mapped in the user's page tables";

	mapping = jettison_mapping((unsigned long)page_address(page));
	if (!mapping && !debug_pagealloc_enabled())
		return "not in the direct map";
	if (mapping && !jettison_mapping_is_memory(mapping))
		return "read-only or executable in the direct map";
	if (PageReserved(page))
		return "reserved";
	return NULL;
}

static void check_pages(void *start, void *end)
{
	void *old;

	for (old = start; old < end; old += PAGE_SIZE) {
		struct page *page = virt_to_page(lm_alias(old));
		const char *fault = fault_of_page((unsigned long)old, page);

		jettison_selftest.pages++;
		if (!fault)
			continue;
		jettison_selftest.failures++;
		pr_err("page %#lx: %s\n", page_to_pfn(page), fault);
	}
}

static void call_gate(const struct jettison_gate *gate)
{
	unsigned long (*entry)(void) = gate->entry;
	unsigned long answer;

	/* The function would take whatever the registers hold as arguments. */
	if (gate->flags & JETTISON_GATE_FUNCTION)
		return;
	answer = entry();
	jettison_selftest.gates++;
	if ((gate->flags & JETTISON_GATE_VOID) || answer == gate->answer)
		return;
	jettison_selftest.failures++;
	pr_err("%s() answers %ld instead of %ld\n", gate->name, answer,
	       gate->answer);
}

/* Check what was done. MemTotal is not asked: a balloon may be moving it. */
void jettison_run_selftest(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_regions; i++) {
		if (jettison_freed[i])
			check_pages(jettison_regions[i].start,
				    jettison_regions[i].end);
	}
	jettison_visit_gone_padding(check_pages);
	if (jettison_pages != jettison_selftest.pages) {
		jettison_selftest.failures++;
		pr_err("the page allocator got %lu pages instead of %lu\n",
		       jettison_pages, jettison_selftest.pages);
	}
	if (jettison_selftest.pages)
		debug_checkwx();

	WRITE_ONCE(jettison_selftest.task, current);
	for (i = 0; i < jettison_nr_gates; i++) {
		if (jettison_region_shut[jettison_gates[i].region])
			call_gate(&jettison_gates[i]);
	}
	WRITE_ONCE(jettison_selftest.task, NULL);

	pr_info("%lu pages, %lu failures, %lu gates\n", jettison_selftest.pages,
		jettison_selftest.failures, jettison_selftest.gates);
}
