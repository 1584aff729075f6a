// SPDX-License-Identifier: GPL-2.0-only
/* Looks symbols up by name, as debuggers, BPF and live patches do, and says what is found. */
#include <linux/module.h>

static unsigned long lookup;
module_param(lookup, ulong, 0);
MODULE_PARM_DESC(lookup, "address of kallsyms_lookup_name(), which is not exported");

static char *names[8];
static int nr_names;
module_param_array(names, charp, &nr_names, 0);

static int __init looks_up_init(void)
{
	unsigned long (*look_up)(const char *name) = (void *)lookup;
	int i;

	for (i = 0; i < nr_names; i++)
		pr_alert("guest-says: %s %s\n", names[i],
			 look_up(names[i]) ? "found" : "gone");
	return 0;
}

static void __exit looks_up_exit(void)
{
}

module_init(looks_up_init);
module_exit(looks_up_exit);
MODULE_DESCRIPTION("Look-up of symbols that may have left");
MODULE_LICENSE("GPL");
