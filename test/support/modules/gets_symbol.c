// SPDX-License-Identifier: GPL-2.0-only
/* Asks for an exported function of Hyper-V while it runs, and says whether it is there. */
#include <linux/hyperv.h>
#include <linux/module.h>

static int __init gets_symbol_init(void)
{
	bool found = symbol_get(vmbus_setevent);

	pr_alert("guest-says: symbol_get %s\n", found ? "found it" : "found nothing");
	if (found)
		symbol_put(vmbus_setevent);
	return 0;
}

static void __exit gets_symbol_exit(void)
{
}

module_init(gets_symbol_init);
module_exit(gets_symbol_exit);
MODULE_DESCRIPTION("symbol_get() of an export of Hyper-V's bus");
MODULE_LICENSE("GPL");
