// SPDX-License-Identifier: GPL-2.0-only
/* Asks for an exported function of AMD-Vi while it runs, and says whether it is there. */
#include <linux/amd-iommu.h>
#include <linux/module.h>

static int __init gets_symbol_init(void)
{
	bool found = symbol_get(amd_iommu_update_ga);

	pr_alert("guest-says: symbol_get %s\n", found ? "found it" : "found nothing");
	if (found)
		symbol_put(amd_iommu_update_ga);
	return 0;
}

static void __exit gets_symbol_exit(void)
{
}

module_init(gets_symbol_init);
module_exit(gets_symbol_exit);
MODULE_DESCRIPTION("symbol_get() of an export of an IOMMU driver");
MODULE_LICENSE("GPL");
