// SPDX-License-Identifier: GPL-2.0-only
/*
 * jettison=audit: nothing is freed, and memory is searched for words that point
 * into what would have been, as often as user space asks for it.
 */
#define pr_fmt(fmt) "jettison: audit: " fmt

#include <linux/mutex.h>
#include <linux/printk.h>

#include "jettison.h"

unsigned long jettison_audit_pages;
unsigned long jettison_audit_found[JETTISON_PLACES];

static DEFINE_MUTEX(audit_mutex);

/**
 * jettison_run_audit - search memory for pointers at what would have left
 *
 * Return: 0, or -ENOMEM.
 */
int jettison_run_audit(void)
{
	struct jettison_scan scan = {
		.name = "audit",
		.leaving = &jettison_audited,
		.list = JETTISON_MAX_FOUND,
	};
	unsigned long found = 0;
	unsigned int place;
	int err;

	mutex_lock(&audit_mutex);
	err = jettison_run_scan(&scan);
	if (!err) {
		for (place = 0; place < JETTISON_PLACES; place++) {
			jettison_audit_found[place] = scan.found[place];
			found += scan.found[place];
		}
		jettison_audit_pages = scan.pages;
		pr_info("%lu pages, %lu words found\n", scan.pages, found);
	}
	mutex_unlock(&audit_mutex);
	return err;
}
