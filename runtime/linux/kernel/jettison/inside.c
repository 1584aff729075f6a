// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which regions a task is inside of. All other tasks are made to stand still
 * for the look, so that each has its place in the text on its stack: where it
 * returns to, or in the registers that an interrupt saved.
 *
 * Every word of a stack that is in use is taken for an address, whatever
 * unwinder the kernel has. Unwinders follow frames: one that goes by frame
 * pointers loses, without an error, the caller of a task that was preempted at
 * the start of a function, and none sees what is on its way through a
 * trampoline. A word that is left over from an earlier call may keep what could
 * have left, and that is all it does.
 *
 * Trampolines of the function tracer and of BPF are called by the function
 * that they belong to, so its address is on the stack; an indirect jump has its
 * target in a register, and an interrupt saved the registers there. RCU Tasks
 * has nothing to add: it would wait for tasks to leave trampolines, and takes a
 * task that sleeps inside a component for one that is outside.
 */
#include <linux/container_of.h>
#include <linux/cpumask.h>
#include <linux/ftrace.h>
#include <linux/init.h>
#include <linux/kprobes.h>
#include <linux/llist.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/rethook.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/stop_machine.h>

#include <asm/pgtable.h>
#include <asm/processor.h>

#include "jettison.h"

/* More than the code of a gate takes. */
#define GATE_BYTES	64

struct span {
	unsigned long start, size;
};

/* Most words are in none of them. */
struct look {
	struct task_struct *caller;
	struct span text;		/* all regions of text that are to leave */
	struct span gates;
	struct jettison_set *inside;	/* the owners of what tasks are in */
};

static bool __init is_in(const struct span *range, unsigned long addr)
{
	return addr - range->start < range->size;
}

static void __init widen(struct span *range, unsigned long start, unsigned long end)
{
	unsigned long old_end = range->start + range->size;

	if (!range->size) {
		range->start = start;
		old_end = end;
	}
	range->start = min(range->start, start);
	range->size = max(old_end, end) - range->start;
}

static bool __init is_to_leave(unsigned int region)
{
	return jettison_owners_in(&jettison_regions[region], &jettison_leaving);
}

static void __init note_region(struct look *look, unsigned int region)
{
	if (is_to_leave(region))
		jettison_add_owners(look->inside, &jettison_regions[region]);
}

static void __init note_address(struct look *look, unsigned long addr)
{
	int region;

	if (!is_in(&look->text, addr))
		return;
	region = jettison_region_of(addr);
	if (region >= 0 && jettison_is_text(&jettison_regions[region]))
		note_region(look, region);
}

/*
 * Preempted between finding a gate open and going through it. The address of a
 * gate may be on any stack, as that of a function; only where a task goes on in
 * one it matters. It is pt_regs->ip, and a selector follows it.
 */
static void __init note_gate(struct look *look, unsigned long ip, unsigned long cs)
{
	unsigned int i;

	if (!is_in(&look->gates, ip) || !cs || cs > U16_MAX)
		return;
	for (i = 0; i < jettison_nr_gates; i++) {
		if (ip - (unsigned long)jettison_gates[i].entry < GATE_BYTES)
			note_region(look, jettison_gates[i].region);
	}
}

/*
 * A kprobe that was made a jump has instructions of the probed function copied
 * to a slot. Whoever is preempted there has no address of the function.
 */
static bool __init is_in_slot(unsigned long addr)
{
	return addr >= MODULES_VADDR && addr < MODULES_END &&
	       (is_kprobe_optinsn_slot(addr) || is_kprobe_insn_slot(addr));
}

/* The places of return addresses for which a tracer has put its own. */
static void __init note_hidden(struct look *look, struct task_struct *task)
{
#ifdef CONFIG_RETHOOK
	struct rethook_node *hook;

	llist_for_each_entry(hook, task->rethooks.first, llist)
		note_address(look, hook->ret_addr);
#endif
#ifdef CONFIG_FUNCTION_GRAPH_TRACER
	int i;

	for (i = 0; task->ret_stack && i < task->curr_ret_stack; i++)
		note_address(look, task->ret_stack[i]);
#endif
}

static void __init note_task(struct look *look, struct task_struct *task)
{
	/* The registers of user space, if it has any, may hold anything. */
	unsigned long *word, *end = (unsigned long *)task_pt_regs(task);

	/* The stoppers run; they came from nowhere. The caller came from here. */
	if (task == look->caller || task_curr(task) || !task_stack_page(task))
		return;

	for (word = (unsigned long *)task->thread.sp; word < end; word++) {
		unsigned long addr = READ_ONCE_NOCHECK(*word);

		note_address(look, addr);
		if (!IS_ENABLED(CONFIG_PREEMPTION))
			continue;
		if (word + 1 < end)
			note_gate(look, addr, READ_ONCE_NOCHECK(word[1]));
		if (is_in_slot(addr))
			*look->inside = jettison_leaving;
	}
	note_hidden(look, task);
}

static int __init note_tasks(void *data)
{
	struct task_struct *process, *task;
	unsigned int cpu;

	rcu_read_lock();
	for_each_process_thread(process, task)
		note_task(data, task);
	rcu_read_unlock();

	for_each_online_cpu(cpu)
		note_task(data, idle_task(cpu));
	return 0;
}

/**
 * jettison_find_inside - look whether tasks are inside of what is to leave
 * @inside: gets the owners that some task is inside of
 */
void __init jettison_find_inside(struct jettison_set *inside)
{
	struct look look = { .caller = current, .inside = inside };
	unsigned int i;

	*inside = (struct jettison_set){};
	for (i = 0; i < jettison_nr_regions; i++) {
		if (jettison_is_text(&jettison_regions[i]) && is_to_leave(i))
			widen(&look.text, (unsigned long)jettison_regions[i].start,
			      (unsigned long)jettison_regions[i].end);
	}
	for (i = 0; i < jettison_nr_gates; i++) {
		unsigned long entry = (unsigned long)jettison_gates[i].entry;

		widen(&look.gates, entry, entry + GATE_BYTES);
	}
	if (look.text.size)
		stop_machine(note_tasks, &look, NULL);
}
