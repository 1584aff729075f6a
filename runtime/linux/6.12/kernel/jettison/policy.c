// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables that a machine can do without, if its owner says so: the names of the
 * kernel's symbols, and what the unwinder knows of its functions. Each is a
 * component with one region, which stays unless jettison.drop= or
 * CONFIG_JETTISON_DROP names it.
 *
 * Nobody has the address of a table but the few functions that read it, as the
 * link has proved. They look, with preemption off, whether it is still theirs.
 */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/init.h>
#include <linux/jettison_tables.h>
#include <linux/printk.h>
#include <linux/stop_machine.h>
#include <linux/string.h>

#include "jettison.h"

#ifdef CONFIG_KALLSYMS
/* Whether the names are needed, whatever the command line says. */
bool __init jettison_kallsyms_needed(void)
{
	/* Patches are put in the place of functions by name. */
	return IS_ENABLED(CONFIG_LIVEPATCH) ||
	       IS_ENABLED(CONFIG_KALLSYMS_SELFTEST);
}

static void __init forget_kallsyms(void)
{
	pr_notice("kallsyms: the log and oopses have addresses instead of names, and what looks for a function or variable of the kernel by its name finds none: kprobes, BPF, the function tracer, /proc/kallsyms\n");
	kallsyms_forget_tables();
#ifdef CONFIG_VMCORE_INFO
	vmcoreinfo_forget("SYMBOL(kallsyms_");
#endif
}
#endif

#ifdef CONFIG_UNWINDER_ORC
/* Likewise, of the unwinder. */
bool __init jettison_orc_needed(void)
{
	/* No patch is put in place while a task may be in what it replaces. */
	return IS_ENABLED(CONFIG_LIVEPATCH);
}

static void __init forget_orc(void)
{
	pr_notice("orc: stacks are not unwound: oopses list all words that may be addresses, and there is nothing in /proc/PID/stack and wchan, in the stacks of perf and of the tracers, and no BPF program throws exceptions\n");
	unwind_forget_tables();
}
#endif

struct table {
	const char *name;
	void (*forget)(void);
};

static const struct table tables[] __initconst = {
#ifdef CONFIG_KALLSYMS
	{ "kallsyms", forget_kallsyms },
#endif
#ifdef CONFIG_UNWINDER_ORC
	{ "orc", forget_orc },
#endif
};

static int __init let_all_pass(void *data)
{
	return 0;
}

/* The decision is final: nobody reads tables that leave any more. */
void __init jettison_forget_tables(void)
{
	bool any = false;
	unsigned int i, table;

	for (i = 0; i < jettison_nr_components; i++) {
		for (table = 0; table < ARRAY_SIZE(tables); table++) {
			if (!test_bit(i, jettison_leaving.has) ||
			    strcmp(jettison_components[i].name, tables[table].name))
				continue;
			tables[table].forget();
			any = true;
		}
	}
	/* No CPU goes on in the midst of a look. */
	if (any)
		stop_machine(let_all_pass, NULL, NULL);
}
