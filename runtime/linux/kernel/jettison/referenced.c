// SPDX-License-Identifier: GPL-2.0-only
/* The search before anything is freed: a component that something points to stays. */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/bitmap.h>
#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/printk.h>

#include "jettison.h"

/* jettison.scan= */
static bool wanted __initdata = true;

unsigned long jettison_scan_pages;

static int __init set_scan(char *word)
{
	wanted = jettison_word_is("scan", word, "on", "off");
	return 0;
}
early_param("jettison.scan", set_scan);

/* Whether anything that leaves is looked for in memory before. */
bool __init jettison_searches(void)
{
	return wanted;
}

/**
 * jettison_find_referenced - look for components that something points to
 * @referenced: gets those of jettison_leaving that are not to leave for it
 */
void __init jettison_find_referenced(struct jettison_set *referenced)
{
	struct jettison_scan scan = {
		.name = "scan",
		.leaving = &jettison_leaving,
		.list = 4,
	};
	ktime_t start = ktime_get();
	int err;

	*referenced = (struct jettison_set){};
	if (!wanted)
		return;
	err = jettison_run_scan(&scan);
	jettison_times.search += ktime_to_ns(ktime_sub(ktime_get(), start));
	jettison_scan_pages = scan.pages;
	if (err) {
		pr_err("scan: out of memory\n");
		*referenced = jettison_leaving;
		return;
	}
	pr_debug("scan: %lu pages, %lu words looked at again\n", scan.pages, scan.again);
	bitmap_and(referenced->has, scan.owners.has, jettison_leaving.has,
		   JETTISON_MAX_COMPONENTS);
}
