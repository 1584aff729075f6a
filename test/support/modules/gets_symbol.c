// SPDX-License-Identifier: GPL-2.0-only
/* Asks for VT-d's exported function while it runs, and says whether it is there. */
#include <linux/dmar.h>
#include <linux/module.h>

static int __init gets_symbol_init(void)
{
	bool found = symbol_get(dmar_platform_optin);

	pr_alert("guest-says: symbol_get %s\n", found ? "found it" : "found nothing");
	if (found)
		symbol_put(dmar_platform_optin);
	return 0;
}

static void __exit gets_symbol_exit(void)
{
}

module_init(gets_symbol_init);
module_exit(gets_symbol_exit);
MODULE_DESCRIPTION("symbol_get() of an export of an IOMMU driver");
MODULE_LICENSE("GPL");
