// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/jettison: what stayed, what left and why. */
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "jettison.h"

static const char * const mode_names[] = {
	[JETTISON_MODE_ON]		= "on",
	[JETTISON_MODE_OFF]		= "off",
	[JETTISON_MODE_SELFTEST]	= "selftest",
	[JETTISON_MODE_AUDIT]		= "audit",
};

struct component_dir {
	struct kobject kobj;
	unsigned int component;
};

/* One a component, NULL where it could not be made. */
static struct kobject **component_kobjs;

static unsigned int component_of(struct kobject *kobj)
{
	return container_of(kobj, struct component_dir, kobj)->component;
}

static struct jettison_fate *fate_of(struct kobject *kobj)
{
	return &jettison_fates[component_of(kobj)];
}

static unsigned long gate_calls(unsigned int component)
{
	unsigned long calls = 0;
	unsigned int i;

	for (i = 0; i < jettison_nr_gates; i++) {
		const struct jettison_gate *gate = &jettison_gates[i];

		if (jettison_counted_at(&jettison_regions[gate->region]) == component)
			calls += atomic_long_read(&jettison_gate_calls[i]);
	}
	return calls;
}

/* One file: its name and what it prints of the kobject @kobj. */
#define SHOW(_what, _name, _format, _value)				\
static ssize_t _what##_##_name##_show(struct kobject *kobj,		\
				      struct kobj_attribute *attr,	\
				      char *buf)			\
{									\
	return sysfs_emit(buf, _format "\n", _value);			\
}									\
static struct kobj_attribute _what##_##_name##_attr =			\
	__ATTR(_name, 0444, _what##_##_name##_show, NULL)

SHOW(component, state, "%s", jettison_state_names[fate_of(kobj)->state]);
SHOW(component, reason, "%s", fate_of(kobj)->reason);
SHOW(component, bytes, "%lu", fate_of(kobj)->pages << PAGE_SHIFT);
SHOW(component, gate_calls, "%lu", gate_calls(component_of(kobj)));

static struct attribute *component_attrs[] = {
	&component_state_attr.attr,
	&component_reason_attr.attr,
	&component_bytes_attr.attr,
	&component_gate_calls_attr.attr,
	NULL
};
ATTRIBUTE_GROUPS(component);

static void component_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct component_dir, kobj));
}

static const struct kobj_type component_type = {
	.release	= component_release,
	.sysfs_ops	= &kobj_sysfs_ops,
	.default_groups	= component_groups,
};

static unsigned long all_gate_calls(void)
{
	unsigned long calls = 0;
	unsigned int i;

	for (i = 0; i < jettison_nr_gates; i++)
		calls += atomic_long_read(&jettison_gate_calls[i]);
	return calls;
}

SHOW(total, mode, "%s", mode_names[jettison_mode]);
SHOW(total, pages, "%lu", jettison_pages);
SHOW(total, bytes, "%lu", jettison_pages << PAGE_SHIFT);
SHOW(total, gate_calls, "%lu", all_gate_calls());
SHOW(total, release_ns, "%llu", jettison_times.release);
SHOW(total, scan_ns, "%llu", jettison_times.search);
SHOW(total, scan_pages, "%lu", jettison_scan_pages);
SHOW(total, mappings_4k_before, "%lu", jettison_mappings_before.small);
SHOW(total, mappings_4k_after, "%lu", jettison_mappings_after.small);
SHOW(total, mappings_2m_before, "%lu", jettison_mappings_before.large);
SHOW(total, mappings_2m_after, "%lu", jettison_mappings_after.large);

static struct attribute *total_attrs[] = {
	&total_mode_attr.attr,
	&total_pages_attr.attr,
	&total_bytes_attr.attr,
	&total_gate_calls_attr.attr,
	&total_release_ns_attr.attr,
	&total_scan_ns_attr.attr,
	&total_scan_pages_attr.attr,
	&total_mappings_4k_before_attr.attr,
	&total_mappings_4k_after_attr.attr,
	&total_mappings_2m_before_attr.attr,
	&total_mappings_2m_after_attr.attr,
	NULL
};

static const struct attribute_group total_group = {
	.attrs		= total_attrs,
};

struct kobject *jettison_component_kobj(unsigned int component)
{
	return component_kobjs ? component_kobjs[component] : NULL;
}

static int __init add_component(struct kset *root, unsigned int component)
{
	struct component_dir *dir = kzalloc(sizeof(*dir), GFP_KERNEL);
	int err;

	if (!dir)
		return -ENOMEM;
	dir->component = component;
	dir->kobj.kset = root;
	err = kobject_init_and_add(&dir->kobj, &component_type, NULL, "%s",
				   jettison_components[component].name);
	if (err)
		kobject_put(&dir->kobj);
	else
		component_kobjs[component] = &dir->kobj;
	return err;
}

int __init jettison_sysfs_init(void)
{
	/* Events come from a set. */
	struct kset *root = kset_create_and_add("jettison", NULL, kernel_kobj);
	unsigned int i;
	int err;

	component_kobjs = kcalloc(jettison_nr_components, sizeof(*component_kobjs),
				  GFP_KERNEL);
	if (!root || !component_kobjs)
		return -ENOMEM;
	err = sysfs_create_group(&root->kobj, &total_group);
	for (i = 0; i < jettison_nr_components && !err; i++)
		err = add_component(root, i);
	jettison_events_init();
	return err;
}
