// SPDX-License-Identifier: GPL-2.0-only
/* Exported functions that modules may not have once they are gone. */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/jettison_export.h>
#include <linux/printk.h>

#include "jettison.h"

/**
 * jettison_export_refused - whether a module has to do without a function
 * @addr: what the kernel exports: of a function that can leave it is the gate
 * @user: the module's name, or NULL where it is not known
 *
 * Return: true if the function is gone and its component rather has the module
 * fail than call the gate; the log then says how to get it back.
 */
bool jettison_export_refused(unsigned long addr, const char *user)
{
	const struct jettison_gate *gate = jettison_find_gate(addr);
	const struct jettison_region *region;

	if (!gate || !(gate->flags & JETTISON_GATE_REFUSE) ||
	    !READ_ONCE(jettison_region_shut[gate->region]))
		return false;

	region = &jettison_regions[gate->region];
	pr_err("%s needs %s(), which is gone, and is refused. Boot with jettison.keep=%s\n",
	       user ?: "a module", gate->name,
	       jettison_components[jettison_counted_at(region)].name);
	return true;
}
