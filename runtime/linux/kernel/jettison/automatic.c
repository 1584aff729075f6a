// SPDX-License-Identifier: GPL-2.0-only
/*
 * Built-in drivers that no manifest describes leave as a module would: what
 * their initcalls registered is taken back by their own exit functions, which
 * are in init memory until it is freed. The link has made sure that an exit
 * function undoes all that the initcall of the same driver registers, and
 * that nothing but init code refers to the driver from outside.
 *
 * A driver whose initcall failed has registered nothing: its exit function
 * must not be called. One that has to stay after its exit function has run,
 * because something still points to it, has its initcall run again.
 */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/async.h>
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device/driver.h>
#include <linux/init.h>
#include <linux/jettison_automatic.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "jettison.h"

/* The longest that a boot waits for probes, in seconds. */
#define PROBES_WAIT	30

/* Components that are built-in drivers, and whose */
static struct jettison_set succeeded __initdata;	/* initcall returned 0 */
static struct jettison_set failed __initdata;	/* initcall failed, or was not to run */
static struct jettison_set exited __initdata;	/* exit function has run */

static bool exits_wanted __initdata = true;
static bool initcalls_again __initdata;

static bool probes_held __initdata;
static bool probes_unfinished __initdata;
static DECLARE_COMPLETION(probes_done);

static int __init set_exit(char *word)
{
	exits_wanted = word && (!strcmp(word, "on") || !strcmp(word, "again"));
	initcalls_again = word && !strcmp(word, "again");
	if (!exits_wanted && (!word || strcmp(word, "off")))
		pr_warn("jettison.exit is neither on, off nor again but '%s': no exit function is called\n",
			word ?: "");
	return 0;
}
early_param("jettison.exit", set_exit);

/**
 * jettison_note_initcall - remember how an initcall ended
 * @fn: the initcall
 * @err: what it returned
 */
void __init jettison_note_initcall(initcall_t fn, int err)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_automatic; i++) {
		u32 component = jettison_automatic[i].component;

		/* The tables have not been checked yet. */
		if (jettison_automatic[i].init == fn &&
		    component < JETTISON_MAX_COMPONENTS)
			__set_bit(component, err ? failed.has : succeeded.has);
	}
}

/* The row of a component that is a built-in driver, or NULL. */
static const struct jettison_automatic *__init row_of(unsigned int component)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_automatic; i++) {
		if (jettison_automatic[i].component == component)
			return &jettison_automatic[i];
	}
	return NULL;
}

/* Whether its exit function has to be called before it leaves. */
bool __init jettison_needs_exit(unsigned int component)
{
	return row_of(component) && !test_bit(component, failed.has);
}

bool __init jettison_has_failed(unsigned int component)
{
	return test_bit(component, failed.has);
}

/* It may outlast the boot, and init memory. */
static void wait_for_probes(struct work_struct *work)
{
	wait_for_device_probe();
	complete(&probes_done);
}

static DECLARE_WORK(probes_work, wait_for_probes);

/* Whether all probes under way have ended, and no other begins. */
static bool __init hold_probes(void)
{
	unsigned long end = jiffies + PROBES_WAIT * HZ;

	queue_work(system_unbound_wq, &probes_work);
	if (!wait_for_completion_timeout(&probes_done, PROBES_WAIT * HZ))
		return false;
	probes_held = true;
	while (!driver_hold_probes()) {
		if (time_after(jiffies, end))
			return false;
		msleep(20);
	}
	return true;
}

/**
 * jettison_hold_probes - let devices be found before drivers leave
 * @leaving: those that are to leave if no device is bound to them
 *
 * No device is given a driver until jettison_resume_probes(), so what is
 * decided in between stays true. Where probes do not end, drivers stay.
 */
void __init jettison_hold_probes(const struct jettison_set *leaving)
{
	ktime_t start = ktime_get();

	if (!bitmap_intersects(leaving->has, succeeded.has, JETTISON_MAX_COMPONENTS))
		return;
	probes_unfinished = !hold_probes();
	if (probes_unfinished)
		pr_notice("devices are still being probed after %u s: built-in drivers stay\n",
			  PROBES_WAIT);
	jettison_times.waiting += ktime_to_ns(ktime_sub(ktime_get(), start));
}

/* Devices that have come in the meantime are probed now. */
void __init jettison_resume_probes(void)
{
	if (probes_held)
		driver_resume_probes();
	probes_held = false;
}

/**
 * jettison_driver_stays - why a built-in driver does not leave
 * @component: it, or any other component
 * @wanted: those that have a device, or would be given one
 * @dropped: whether the command line says that it is to leave
 *
 * Return: the reason, or NULL: it leaves unless its device can appear later.
 */
const char *__init jettison_driver_stays(unsigned int component,
					 const struct jettison_set *wanted, bool dropped)
{
	const struct jettison_automatic *automatic = row_of(component);

	if (!automatic)
		return NULL;
	/* An initcall that has not run is somebody else's to run. */
	if (test_bit(component, wanted->has) ||
	    !(test_bit(component, succeeded.has) || test_bit(component, failed.has)))
		return "in-use";
	/* No proof covers what init code and devices have done with it. */
	if (!jettison_searches())
		return "scan-off";
	if (test_bit(component, failed.has))
		return NULL;
	if (!exits_wanted)
		return "exit-off";
	if (probes_unfinished)
		return "probing";
	return automatic->found_late && !dropped ? "found-late" : NULL;
}

/**
 * jettison_call_exits - have the drivers that leave unregister themselves
 * @again: gets those that stay after all, as their initcalls are to run again
 */
void __init jettison_call_exits(struct jettison_set *again)
{
	unsigned int i = jettison_nr_automatic;

	*again = (struct jettison_set){};
	/* Who came last goes first. */
	while (i--) {
		const struct jettison_automatic *automatic = &jettison_automatic[i];
		unsigned int component = automatic->component;

		if (!test_bit(component, jettison_leaving.has) ||
		    !test_bit(component, succeeded.has))
			continue;
		pr_info("%s: %ps()\n", jettison_components[component].name,
			automatic->exit);
		automatic->exit();
		__set_bit(component, exited.has);
	}
	if (jettison_set_is_empty(&exited))
		return;
	async_synchronize_full();
	synchronize_rcu();
	rcu_barrier();
	if (initcalls_again)
		*again = exited;
}

/* Drivers that have unregistered themselves and stay register again. */
void __init jettison_run_initcalls_again(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_automatic; i++) {
		const struct jettison_automatic *automatic = &jettison_automatic[i];
		unsigned int component = automatic->component;
		struct jettison_fate *fate = &jettison_fates[component];
		int err;

		if (!test_bit(component, exited.has) ||
		    test_bit(component, jettison_leaving.has))
			continue;
		if (!strcmp(fate->reason, "referenced"))
			fate->reason = "stray";
		err = automatic->init();
		pr_notice("%s: stays (%s), %ps() returned %d\n",
			  jettison_components[component].name,
			  fate->reason, automatic->init, err);
	}
}
