// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which regions a task is inside of. All other tasks are made to stand still
 * for the look, so that each has its place in the text on its stack: in a
 * frame, or in the registers that an interrupt saved.
 */
#include <linux/cpumask.h>
#include <linux/ftrace.h>
#include <linux/init.h>
#include <linux/rcupdate.h>
#include <linux/rethook.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/stop_machine.h>

#include <asm/unwind.h>

#include "jettison.h"

/* More than the code of a gate takes. */
#define GATE_BYTES	64

static u64 inside __initdata;

static void __init note_region(unsigned int region)
{
	u64 owners = jettison_regions[region].owners;

	if (!(owners & ~jettison_leaving))
		inside |= owners;
}

/*
 * Where a tracer has put its own address in the place of the one that the task
 * returns to. The unwinder knows that one, the stack does not show it.
 */
static bool __init hides_address(unsigned long word)
{
#ifdef CONFIG_FUNCTION_GRAPH_TRACER
	if (word == (unsigned long)return_to_handler)
		return true;
#endif
#ifdef CONFIG_RETHOOK
	if (is_rethook_trampoline(word))
		return true;
#endif
	return false;
}

static void __init note_address(unsigned long addr)
{
	int region = jettison_region_of(addr);
	unsigned int i;

	if (region >= 0 && jettison_is_text(&jettison_regions[region]))
		note_region(region);

	if (!IS_ENABLED(CONFIG_PREEMPTION))
		return;
	/* Preempted between finding a gate open and going through it. */
	for (i = 0; i < jettison_nr_gates; i++) {
		if (addr - (unsigned long)jettison_gates[i].entry < GATE_BYTES)
			note_region(jettison_gates[i].region);
	}
}

static void __init note_task(struct task_struct *task)
{
	unsigned long *word, *end = task_stack_page(task) + THREAD_SIZE;
	struct unwind_state state;

	/* The stoppers run; they came from nowhere. */
	if (task_curr(task) || !task_stack_page(task))
		return;

	for (unwind_start(&state, task, NULL, NULL); !unwind_done(&state);
	     unwind_next_frame(&state))
		note_address(unwind_get_return_address(&state));
	if (!unwind_error(&state))
		return;

	/* Not understood, so take every word for an address. */
	for (word = (unsigned long *)task->thread.sp; word < end; word++) {
		unsigned long addr = READ_ONCE_NOCHECK(*word);

		if (hides_address(addr))
			inside |= jettison_leaving;
		note_address(addr);
	}
}

static int __init note_tasks(void *unused)
{
	struct task_struct *process, *task;
	unsigned int cpu;

	rcu_read_lock();
	for_each_process_thread(process, task)
		note_task(task);
	rcu_read_unlock();

	for_each_online_cpu(cpu)
		note_task(idle_task(cpu));
	return 0;
}

/* The owners of what is to leave that some task is inside of. */
u64 __init jettison_owners_inside(void)
{
	inside = 0;
	stop_machine(note_tasks, NULL, NULL);
	return inside;
}
