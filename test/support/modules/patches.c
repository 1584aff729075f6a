// SPDX-License-Identifier: GPL-2.0-only
/* A live patch that replaces one function of the kernel, of no arguments or of some, by one that does nothing. */
#include <linux/livepatch.h>
#include <linux/module.h>

static char *function;
module_param(function, charp, 0);

static long noinline answer(void)
{
	return 0;
}

static struct klp_func functions[] = { { .new_func = answer }, { } };
static struct klp_object objects[] = { { .funcs = functions }, { } };
static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects };

static int __init patches_init(void)
{
	functions[0].old_name = function;
	return klp_enable_patch(&patch);
}

static void __exit patches_exit(void)
{
}

module_init(patches_init);
module_exit(patches_exit);
MODULE_DESCRIPTION("Replaces a function");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
