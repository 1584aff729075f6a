// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fixups of PCI devices by components that leave. They run for every device
 * that fits, whenever one is plugged in or wakes up, so long after boot.
 */
#include <linux/compiler.h>
#include <linux/init.h>
#include <linux/pci.h>

#include "jettison.h"

/* No device has this vendor: it reads like a slot that is empty. */
#define NO_VENDOR	0

void __init jettison_forget_fixups(void)
{
	struct pci_fixup *fixup = (void *)__start_pci_fixups_early;
	struct pci_fixup *end = (void *)__end_pci_fixups_suspend_late;

	for (; fixup < end; fixup++) {
		const struct jettison_gate *gate =
			jettison_find_gate((unsigned long)offset_to_ptr(&fixup->hook_offset));

		if (gate && jettison_region_shut[gate->region])
			WRITE_ONCE(fixup->vendor, NO_VENDOR);
	}
}
