// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody calls a function that has left: a device has turned up for it, or
 * the manifest was wrong. The log says so once a function, and user space gets
 * an event; both name what to keep.
 *
 * A gate may be called from anywhere: an NMI, with interrupts off, with a lock
 * of the scheduler or of the console held, on all CPUs at once, or by the very
 * last code before the machine is off. So the call itself only notes who it
 * was. An irq_work writes to the log, and a work item sends the event.
 */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/jettison_automatic.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/pci.h>
#include <linux/printk.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "jettison.h"

enum {
	LOGGED,
	SENT,
};

/* The first call of a shut gate. */
struct report {
	unsigned long caller;	/* 0 as long as there is none */
	unsigned long done;	/* bits */
};

static struct report *reports;	/* one a gate */
static bool can_send;

static bool is_due(unsigned int gate, unsigned int what)
{
	struct report *report = &reports[gate];

	return READ_ONCE(report->caller) &&
	       !test_and_set_bit(what, &report->done);
}

static const char *component_of(const struct jettison_gate *gate)
{
	return jettison_components[jettison_counted_at(&jettison_regions[gate->region])].name;
}

static void log_call(const struct jettison_gate *gate, unsigned long caller)
{
	char answer[24] = "nothing";

	if (!(gate->flags & JETTISON_GATE_VOID))
		snprintf(answer, sizeof(answer), "%ld", gate->answer);
	pr_warn("%pS called %s(), which is gone, and got %s. Boot with jettison.keep=%s\n",
		(void *)caller, gate->name, answer, component_of(gate));
}

static void log_calls(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_gates; i++) {
		if (is_due(i, LOGGED))
			log_call(&jettison_gates[i], reports[i].caller);
	}
}

static void send_event(const struct jettison_gate *gate)
{
	const struct jettison_region *region = &jettison_regions[gate->region];
	struct kobject *kobj = jettison_component_kobj(jettison_counted_at(region));
	char component_var[80], gate_var[KSYM_NAME_LEN + 8];
	char *env[3] = { component_var, gate_var, NULL };

	if (!kobj)
		return;
	snprintf(component_var, sizeof(component_var), "COMPONENT=%s",
		 component_of(gate));
	snprintf(gate_var, sizeof(gate_var), "GATE=%s", gate->name);
	kobject_uevent_env(kobj, KOBJ_CHANGE, env);
}

static void send_events(struct work_struct *work)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_gates; i++) {
		if (is_due(i, SENT))
			send_event(&jettison_gates[i]);
	}
}

static DECLARE_WORK(event_work, send_events);

static void report_calls(struct irq_work *work)
{
	log_calls();
	if (READ_ONCE(can_send))
		schedule_work(&event_work);
}

static DEFINE_IRQ_WORK(report_work, report_calls);

/*
 * When a machine is turned off or restarted, or another kernel takes over, the
 * last hooks are called with all other CPUs stopped and interrupts off for
 * good: no irq_work will run. Nobody else holds a lock then.
 */
static bool is_last_code(void)
{
	return system_state > SYSTEM_RUNNING && system_state != SYSTEM_SUSPEND &&
	       irqs_disabled() && num_online_cpus() == 1;
}

/**
 * jettison_report_call - a shut gate has been called for the first time
 * @gate: number of the gate
 * @caller: where it was called from
 */
void notrace jettison_report_call(unsigned int gate, unsigned long caller)
{
	WRITE_ONCE(reports[gate].caller, caller);
	if (is_last_code())
		log_calls();
	else
		irq_work_queue(&report_work);
}

/* Before any gate is shut. */
int __init jettison_reports_init(void)
{
	reports = kcalloc(jettison_nr_gates, sizeof(*reports), GFP_KERNEL);
	return reports ? 0 : -ENOMEM;
}

/* Events have their place in sysfs. */
void __init jettison_events_init(void)
{
	WRITE_ONCE(can_send, true);
	/* It may have happened already. */
	irq_work_queue(&report_work);
}

static int any_driver(struct device_driver *drv, void *data)
{
	return 1;
}

/**
 * jettison_no_driver - a device has found no driver
 * @dev: the device
 *
 * Built-in drivers that have left are not called by gates: no bus knows them
 * any more. So the log names all of them.
 */
void jettison_no_driver(struct device *dev)
{
	char names[160];
	struct seq_buf left;
	unsigned int i;

	/* PCI devices are added long before they are given to drivers. */
	if (system_state != SYSTEM_RUNNING || !jettison_fates || dev->driver ||
	    (dev_is_pci(dev) && !pci_dev_may_bind(to_pci_dev(dev))) ||
	    !bus_for_each_drv(dev->bus, NULL, NULL, any_driver))
		return;
	seq_buf_init(&left, names, sizeof(names));
	for (i = 0; i < jettison_nr_automatic; i++) {
		u32 component = jettison_automatic[i].component;

		if (jettison_fates[component].state == JETTISON_JETTISONED)
			seq_buf_printf(&left, " %s", jettison_components[component].name);
	}
	if (seq_buf_used(&left))
		pr_notice_ratelimited("%s %s has no driver. Built-in drivers that have left:%s. Boot with jettison.keep= if it needs one\n",
				      dev->bus->name, dev_name(dev), seq_buf_str(&left));
}
