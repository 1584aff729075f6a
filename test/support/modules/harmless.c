// SPDX-License-Identifier: GPL-2.0-only
/* Comes and goes. It has a static branch and a lock prefix, which are patched when it comes. */
#include <linux/atomic.h>
#include <linux/jump_label.h>
#include <linux/module.h>

static DEFINE_STATIC_KEY_FALSE(harmless_key);
static atomic_t harmless_count;

static int __init harmless_init(void)
{
	static_branch_enable(&harmless_key);
	if (static_branch_unlikely(&harmless_key))
		atomic_inc(&harmless_count);
	return atomic_read(&harmless_count) == 1 ? 0 : -EINVAL;
}

static void __exit harmless_exit(void)
{
	static_branch_disable(&harmless_key);
}

module_init(harmless_init);
module_exit(harmless_exit);
MODULE_DESCRIPTION("Comes and goes");
MODULE_LICENSE("GPL");
