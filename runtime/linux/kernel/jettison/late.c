// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody calls a function that has left: a device has turned up for it, or
 * the manifest was wrong. User space is told once a function, with an event
 * that names what to keep. A gate may be called from anywhere, an NMI
 * included, so the event is sent from a work item by way of an irq_work.
 */
#include <linux/bitmap.h>
#include <linux/init.h>
#include <linux/irq_work.h>
#include <linux/kallsyms.h>
#include <linux/kobject.h>
#include <linux/workqueue.h>

#include "jettison.h"

static unsigned long *told;	/* one bit a gate */

static void tell_gate(const struct jettison_gate *gate)
{
	unsigned int component = jettison_counted_at(&jettison_regions[gate->region]);
	char component_var[80], gate_var[KSYM_NAME_LEN + 8];
	char *env[3] = { component_var, gate_var, NULL };
	struct kobject *kobj = jettison_component_kobj(component);

	if (!kobj)
		return;
	snprintf(component_var, sizeof(component_var), "COMPONENT=%s",
		 jettison_components[component].name);
	snprintf(gate_var, sizeof(gate_var), "GATE=%s", gate->name);
	kobject_uevent_env(kobj, KOBJ_CHANGE, env);
}

static void tell(struct work_struct *work)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_gates; i++) {
		if (atomic_long_read(&jettison_gate_calls[i]) &&
		    !__test_and_set_bit(i, told))
			tell_gate(&jettison_gates[i]);
	}
}

static DECLARE_WORK(tell_work, tell);

static void queue_tell(struct irq_work *work)
{
	if (READ_ONCE(told))
		schedule_work(&tell_work);
}

static DEFINE_IRQ_WORK(tell_irq_work, queue_tell);

/* A shut gate has been called for the first time. */
void jettison_tell_late(void)
{
	irq_work_queue(&tell_irq_work);
}

void __init jettison_late_init(void)
{
	WRITE_ONCE(told, bitmap_zalloc(jettison_nr_gates, GFP_KERNEL));
	/* It may have happened already. */
	jettison_tell_late();
}
