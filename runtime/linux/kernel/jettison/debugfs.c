// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/jettison: what the self-test and the audit have found. */
#include <linux/debugfs.h>
#include <linux/init.h>

#include "jettison.h"

/* A number that is written searches again. */
static int search_again(void *data, u64 value)
{
	return jettison_run_audit();
}

DEFINE_DEBUGFS_ATTRIBUTE(audit_fops, NULL, search_again, "%llu\n");

void __init jettison_debugfs_init(void)
{
	struct dentry *root;

	if (jettison_mode != JETTISON_MODE_SELFTEST &&
	    jettison_mode != JETTISON_MODE_AUDIT)
		return;
	root = debugfs_create_dir("jettison", NULL);
	if (jettison_mode == JETTISON_MODE_SELFTEST) {
		debugfs_create_ulong("selftest_pages", 0444, root,
				     &jettison_selftest.pages);
		debugfs_create_ulong("selftest_failures", 0444, root,
				     &jettison_selftest.failures);
		debugfs_create_ulong("selftest_gates", 0444, root,
				     &jettison_selftest.gates);
		return;
	}
	debugfs_create_file_unsafe("audit", 0200, root, NULL, &audit_fops);
	debugfs_create_ulong("audit_pages", 0444, root, &jettison_audit_pages);
	debugfs_create_ulong("audit_data", 0444, root,
			     &jettison_audit_found[JETTISON_IN_DATA]);
	debugfs_create_ulong("audit_percpu", 0444, root,
			     &jettison_audit_found[JETTISON_IN_PERCPU]);
	debugfs_create_ulong("audit_slab", 0444, root,
			     &jettison_audit_found[JETTISON_IN_SLAB]);
	debugfs_create_ulong("audit_stack", 0444, root,
			     &jettison_audit_found[JETTISON_ON_STACK]);
	debugfs_create_ulong("audit_other", 0444, root,
			     &jettison_audit_found[JETTISON_ELSEWHERE]);
}
