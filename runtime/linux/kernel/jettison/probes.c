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

static u64 probing __initdata;

static u64 __init owners_at(unsigned long addr)
{
	const struct jettison_gate *gate = jettison_find_gate(addr);
	int region = gate ? gate->region : jettison_region_of(addr);

	return region < 0 ? 0 : jettison_regions[region].owners;
}

static void __init note_driver(const struct device_driver *driver)
{
	unsigned long addr = (unsigned long)driver, size, offset;
	u64 own = owners_at(addr), shared = 0;
	const unsigned long *word, *end;

	/* A module's, or of a component that lies in one piece. */
	if (!is_kernel(addr) || own) {
		probing |= own;
		return;
	}
	/* Without the names of data: its neighbours may be taken for it. */
	if (!kallsyms_lookup_size_offset(addr, &size, &offset)) {
		offset = WRAPPED_BYTES;
		size = sizeof(*driver) + 2 * WRAPPED_BYTES;
	}
	word = (const unsigned long *)round_down(addr - offset, sizeof(long));
	for (end = word + size / sizeof(long); word < end; word++) {
		u64 owners = owners_at(READ_ONCE(*word));

		if (owners & (owners - 1))
			shared |= owners;
		else
			own |= owners;
	}
	probing |= own ?: shared;
}

/**
 * jettison_owners_wanted - which components have a driver that a device needs
 *
 * Return: a bit for each component with a driver that a device has, or that a
 * device without one would be given; all where that cannot be asked.
 */
u64 __init jettison_owners_wanted(void)
{
	probing = 0;
	return driver_visit_wanted(note_driver) ? ~0ULL : probing;
}

/**
 * jettison_owners_probing - which components have unfinished probes
 * @deferred: whether probes that have been put off count. To find their drivers
 *	      buses are asked, which may be a component's
 *
 * Return: a bit for each such component that is to leave.
 */
u64 __init jettison_owners_probing(bool deferred)
{
	probing = 0;
	driver_visit_unfinished(note_driver, deferred);
	return probing & jettison_leaving;
}
