// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which components have a driver that is probing a device, or that has put a
 * device off. Such a component is about to be used, or not, and whether it is
 * cannot be asked yet. Nobody waits for other probes, as those of a mouse take
 * longer than all of the rest, unless a built-in driver that no manifest
 * describes is to leave (automatic.c).
 *
 * A driver is told to be a component's by what it is made of: the object that
 * its struct device_driver is a part of (struct pci_driver, for one) lies in
 * a region, or refers to one, by gates where it stays.
 */
#include <linux/device/driver.h>
#include <linux/init.h>
#include <linux/jettison_automatic.h>
#include <linux/jettison_probes.h>
#include <linux/kallsyms.h>
#include <linux/math.h>

#include <asm/sections.h>

#include "jettison.h"

/* The most that a bus wraps around a driver, on either side of it. */
#define WRAPPED_BYTES	128

static struct jettison_set probing __initdata;

static const struct jettison_region *__init region_at(unsigned long addr)
{
	const struct jettison_gate *gate = jettison_find_gate(addr);
	int region = gate ? gate->region : jettison_region_of(addr);

	return region < 0 ? NULL : &jettison_regions[region];
}

static void __init note_driver(const struct device_driver *driver)
{
	unsigned long addr = (unsigned long)driver, size, offset;
	const struct jettison_region *region = region_at(addr);
	struct jettison_set shared = {};
	const unsigned long *word, *end;
	bool has_own = false;

	/* A module's, or of a component that lies in one piece. */
	if (region)
		jettison_add_owners(&probing, region);
	if (!is_kernel(addr) || region)
		return;
	/* Without the names of data: its neighbours may be taken for it. */
	if (!kallsyms_lookup_size_offset(addr, &size, &offset)) {
		offset = WRAPPED_BYTES;
		size = sizeof(*driver) + 2 * WRAPPED_BYTES;
	}
	word = (const unsigned long *)round_down(addr - offset, sizeof(long));
	for (end = word + size / sizeof(long); word < end; word++) {
		region = region_at(READ_ONCE(*word));
		if (!region)
			continue;
		if (region->nr_owners == 1)
			has_own = true;
		jettison_add_owners(region->nr_owners == 1 ? &probing : &shared,
				    region);
	}
	if (!has_own)
		jettison_add(&probing, &shared);
}

/**
 * jettison_find_wanted - which components have a driver that a device needs
 * @wanted: gets those with a driver that a device has, or that a device without
 *	    one would be given; all where that cannot be asked
 */
void __init jettison_find_wanted(struct jettison_set *wanted)
{
	probing = (struct jettison_set){};
	if (driver_visit_wanted(note_driver))
		bitmap_fill(probing.has, JETTISON_MAX_COMPONENTS);
	*wanted = probing;
}

/**
 * jettison_find_probing - which components have unfinished probes
 * @busy: gets those of them that are to leave
 * @deferred: whether probes that have been put off count. To find their drivers
 *	      buses are asked, which may be a component's
 */
void __init jettison_find_probing(struct jettison_set *busy, bool deferred)
{
	probing = (struct jettison_set){};
	driver_visit_unfinished(note_driver, deferred);
	bitmap_and(busy->has, probing.has, jettison_leaving.has,
		   JETTISON_MAX_COMPONENTS);
}
