// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uses what AMD-Vi and VT-d export, as KVM, Thunderbolt and graphics drivers
 * do: functions, by their exports and by symbol_get(), and a variable.
 */
#include <linux/amd-iommu.h>
#include <linux/dmar.h>
#include <linux/module.h>

extern int intel_iommu_enabled; /* no header has it */

static int log_notifier(u32 tag)
{
	return 0;
}

static noinline void use_exports(const char *when)
{
	int registered = amd_iommu_register_ga_log_notifier(log_notifier);
	int activated = amd_iommu_activate_guest_mode(NULL);
	int optin = dmar_platform_optin();

	pr_alert("guest-says: %s: register %d, activate %d, optin %d, enabled %d\n", when,
		 registered, activated, optin, intel_iommu_enabled);
}

static int __init uses_exports_init(void)
{
	bool (*optin)(void) = symbol_get(dmar_platform_optin);

	use_exports("init");
	if (optin) {
		pr_alert("guest-says: symbol_get: optin %d\n", optin());
		symbol_put(dmar_platform_optin);
	}
	return 0;
}

static void __exit uses_exports_exit(void)
{
	use_exports("exit");
}

module_init(uses_exports_init);
module_exit(uses_exports_exit);
MODULE_DESCRIPTION("A user of what IOMMU drivers export");
MODULE_LICENSE("GPL");
