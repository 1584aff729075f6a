// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which components leave: by the command line, by their use, by what this
 * machine allows. All of this is gone after boot.
 */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/efi.h>
#include <linux/init.h>
#include <linux/jettison.h>
#include <linux/jump_label.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/static_call.h>

#include <asm/alternative.h>
#include <asm/cpufeature.h>
#include <asm/efi.h>

#include "compat.h"
#include "jettison.h"

/* How often, and how long apart, to look whether a component is left alone. */
#define BUSY_TRIES	10
#define BUSY_WAIT_MS	10

/*
 * 32-bit firmware is called with page tables that lack the kernel's text: it
 * could not reach what is handed to it in a page that was freed there.
 */
static bool __init firmware_lacks_text(void)
{
#ifdef CONFIG_EFI_MIXED
	return efi_enabled(EFI_BOOT) && efi_is_mixed();
#else
	return false;
#endif
}

/* Why pages of the kernel's image cannot be freed here, or NULL. */
static const char *__init cannot_free(void)
{
	/* Nobody splits the mapping of the text. */
	if (!rodata_enabled)
		return "rodata-off";
	if (firmware_lacks_text())
		return "efi-mixed";
	return NULL;
}

/* A driver that refused to start will not serve a device that comes later. */
static bool __init can_appear(unsigned int i)
{
	if (jettison_has_failed(i))
		return false;
	return jettison_components[i].can_appear == JETTISON_MODULE ||
	       jettison_components[i].can_appear == JETTISON_ALWAYS ||
	       (jettison_components[i].can_appear == JETTISON_HOTPLUG && !jettison_no_hotplug);
}

static const char * const appearances[] __initconst = {
	[JETTISON_HOTPLUG]	= "can-appear-hotplug",
	[JETTISON_MODULE]	= "can-appear-module",
	[JETTISON_ALWAYS]	= "by-default",
};

static struct jettison_fate __init
decide_component(unsigned int i, const char *withheld,
		 const struct jettison_set *wanted)
{
	const struct jettison_component *component = &jettison_components[i];
	bool dropped = test_bit(i, jettison_drop.has);
	const char *stays = jettison_driver_stays(i, wanted, dropped);

	if (component->refused)
		return (struct jettison_fate){ JETTISON_REFUSED,
					       component->reason ?: "" };
	if (jettison_mode == JETTISON_MODE_OFF)
		return (struct jettison_fate){ JETTISON_KEPT, "off" };
	if (test_bit(i, jettison_keep.has))
		return (struct jettison_fate){ JETTISON_KEPT, "keep" };
	if (i == jettison_padding_owner && jettison_padding_stays())
		return (struct jettison_fate){ JETTISON_KEPT,
					       jettison_padding_stays() };
	if (jettison_in_use(component)) {
		if (dropped)
			pr_notice("%s: in use, it is not dropped\n",
				  component->name);
		return (struct jettison_fate){ JETTISON_KEPT, "in-use" };
	}
	if (stays)
		return (struct jettison_fate){ JETTISON_KEPT, stays };
	if (can_appear(i) && !dropped)
		return (struct jettison_fate){ JETTISON_KEPT,
			appearances[component->can_appear] };
	if (withheld)
		return (struct jettison_fate){ JETTISON_WITHHELD, withheld };
	if (jettison_has_failed(i))
		return (struct jettison_fate){ JETTISON_JETTISONED, "failed" };
	return (struct jettison_fate){ JETTISON_JETTISONED,
		can_appear(i) ? "drop" : "not-in-use" };
}

/*
 * A component that stays keeps all that it needs. The link has put it before
 * all of these, so one pass is enough.
 */
static void __init keep_what_is_needed(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_needs; i++) {
		const struct jettison_need *need = &jettison_needs[i];
		struct jettison_fate *fate = &jettison_fates[need->needed];

		if (test_bit(need->component, jettison_leaving.has) ||
		    !__test_and_clear_bit(need->needed, jettison_leaving.has))
			continue;
		fate->state = JETTISON_KEPT;
		fate->reason = kasprintf(GFP_KERNEL, "needed-by-%s",
					 jettison_components[need->component].name) ?: "needed";
	}
}

/* jettison=audit: remember who would have left. */
static void __init spare_all(void)
{
	unsigned int i;

	for_each_set_bit(i, jettison_leaving.has, jettison_nr_components) {
		jettison_fates[i].state = JETTISON_KEPT;
		jettison_fates[i].reason = "audit";
		/* A driver that is registered is pointed to, of course. */
		if (!jettison_needs_exit(i))
			__set_bit(i, jettison_audited.has);
	}
	jettison_leaving = (struct jettison_set){};
}

/* A region leaves when all of its owners leave. */
static void __init shut_regions(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_regions; i++)
		WRITE_ONCE(jettison_region_shut[i],
			   jettison_owners_in(&jettison_regions[i],
					      &jettison_leaving));
}

/* @components are not to leave after all, nor what they need. */
static void __init spare(const struct jettison_set *components,
			 enum jettison_state state, const char *reason)
{
	unsigned int i;

	for_each_set_bit(i, components->has, jettison_nr_components) {
		if (__test_and_clear_bit(i, jettison_leaving.has)) {
			jettison_fates[i].state = state;
			jettison_fates[i].reason = reason;
		}
	}
	keep_what_is_needed();
}

static void __init find_probing(struct jettison_set *busy)
{
	jettison_find_probing(busy, true);
}

/* Those that are busy, and stay so, do not leave. */
static void __init spare_busy(void (*find_busy)(struct jettison_set *busy),
			      enum jettison_state state, const char *reason)
{
	struct jettison_set busy;
	unsigned int tries;

	for (tries = 0; tries < BUSY_TRIES; tries++) {
		ktime_t start;

		find_busy(&busy);
		if (jettison_set_is_empty(&busy))
			return;
		start = ktime_get();
		msleep(BUSY_WAIT_MS);
		jettison_times.waiting += ktime_to_ns(ktime_sub(ktime_get(), start));
	}
	spare(&busy, state, reason);
}

static void __init spare_used(void)
{
	struct jettison_set used = {};
	unsigned int i;

	for_each_set_bit(i, jettison_leaving.has, jettison_nr_components) {
		if (jettison_in_use(&jettison_components[i]))
			__set_bit(i, used.has);
	}
	spare(&used, JETTISON_KEPT, "in-use");
}

/*
 * Whoever comes when the gates are shut does not get in. Before that a task may
 * be inside: one that stays there keeps the memory, and no call of what it is
 * at work in is answered in its place. It may be finding hardware, so ask once
 * more. The same goes for a driver that is probing: it may be about to go in.
 */
static void __init shut_gates(void)
{
	struct jettison_set probing;

	spare_busy(find_probing, JETTISON_KEPT, "probing");
	spare_busy(jettison_find_inside, JETTISON_WITHHELD, "task-inside");
	shut_regions();

	jettison_find_probing(&probing, false);
	spare(&probing, JETTISON_KEPT, "probing");
	spare_busy(jettison_find_inside, JETTISON_WITHHELD, "task-inside");
	spare_used();
	shut_regions();
}

/*
 * A component that something points to stays, whoever wrote it there. All is
 * as it was by now, gates apart. If one comes back, it is searched itself the
 * next time.
 */
static void __init keep_what_is_referenced(void)
{
	struct jettison_set referenced;

	while (!jettison_set_is_empty(&jettison_leaving)) {
		jettison_find_referenced(&referenced);
		if (jettison_set_is_empty(&referenced))
			break;
		spare(&referenced, JETTISON_KEPT, "referenced");
		shut_regions();
	}
}

static bool __init is_leaving_text(unsigned int region)
{
	return region < jettison_nr_regions && jettison_region_shut[region] &&
	       jettison_is_text(&jettison_regions[region]);
}

/*
 * Nothing may patch code in a page that has become somebody's data. Each call
 * goes through a whole table, so regions that touch are one.
 */
static void __init forget_text(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_regions; i++) {
		void *start = jettison_regions[i].start;

		if (!is_leaving_text(i))
			continue;
		while (is_leaving_text(i + 1) &&
		       jettison_regions[i + 1].start == jettison_regions[i].end)
			i++;
		jump_label_free_mem(start, jettison_regions[i].end);
		static_call_free_mem(start, jettison_regions[i].end);
		alternatives_free_mem(start, jettison_regions[i].end);
	}
}

static void __init decide_components(void)
{
	const char *withheld = cannot_free();
	struct jettison_set dropped = jettison_drop, wanted = {};
	unsigned int i;

	if (jettison_no_hotplug)
		bitmap_fill(dropped.has, JETTISON_MAX_COMPONENTS);
	if (jettison_mode != JETTISON_MODE_OFF && jettison_nr_automatic) {
		jettison_hold_probes(&dropped);
		jettison_find_wanted(&wanted);
	}
	for (i = 0; i < jettison_nr_components; i++) {
		jettison_fates[i] = decide_component(i, withheld, &wanted);
		if (jettison_fates[i].state == JETTISON_JETTISONED)
			__set_bit(i, jettison_leaving.has);
	}
	keep_what_is_needed();
	if (jettison_mode == JETTISON_MODE_AUDIT)
		spare_all();
}

static void __init prepare_to_leave(void)
{
	struct jettison_set again;

	jettison_call_exits(&again);
	jettison_resume_probes();
	spare(&again, JETTISON_KEPT, "exit-again");
	shut_gates();
	keep_what_is_referenced();
	jettison_run_initcalls_again();
	jettison_forget_tables();
	jettison_decide_padding();
	forget_text();
	jettison_forget_fixups();
}

void __init jettison_decide(void)
{
	ktime_t start = ktime_get();

	if (!jettison_nr_components)
		return;
	if (!jettison_tables_make_sense()) {
		pr_err("the tables of this kernel make no sense, nothing is freed\n");
		return;
	}
	jettison_freed = kcalloc(jettison_nr_regions, 1, GFP_KERNEL);
	jettison_fates = kcalloc(jettison_nr_components,
				 sizeof(*jettison_fates), GFP_KERNEL);
	jettison_add_components(CONFIG_JETTISON_DROP, &jettison_drop);
	if (!jettison_freed || !jettison_fates || jettison_reports_init()) {
		kfree(jettison_freed);
		kfree(jettison_fates);
		jettison_freed = NULL;
		jettison_fates = NULL;
		return;
	}
	decide_components();
	if (!jettison_set_is_empty(&jettison_leaving))
		prepare_to_leave();
	else
		jettison_resume_probes();

	if (jettison_sysfs_init())
		pr_warn("not all of /sys/kernel/jettison could be made\n");
	jettison_debugfs_init();
	if (jettison_mode != JETTISON_MODE_OFF)
		pr_info("%u of %u components leave\n",
			bitmap_weight(jettison_leaving.has, jettison_nr_components),
			jettison_nr_components);
	jettison_times.deciding = ktime_to_ns(ktime_sub(ktime_get(), start)) -
				  jettison_times.waiting - jettison_times.search;
}
