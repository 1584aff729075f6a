// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls gates from all CPUs, in two ways, and counts.
 *
 * Loaded while the kernel boots it takes the addresses of functions whose
 * answer tells them from their gates, and a thread on every CPU calls these
 * without end, before, while and after they are freed.
 *
 * A number written to the parameter "rounds" has another thread on every CPU
 * call all gates that are shut so many times, beside the first ones. A 0 stops
 * these and has everything added up.
 *
 * Where Jettison's tables are comes as parameters, they are not exported.
 */
#include <linux/amd-iommu.h>
#include <linux/completion.h>
#include <linux/irqdomain.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <kernel/jettison/jettison.h>

/* Wide enough for every function that a gate may stand for. */
typedef unsigned long (*any_function)(unsigned long, unsigned long, unsigned long,
				      unsigned long, unsigned long, unsigned long);

static unsigned long table_gates, table_nr_gates, table_shut, table_calls, table_domain_ops;
module_param_named(gates, table_gates, ulong, 0);
module_param_named(nr_gates, table_nr_gates, ulong, 0);
module_param_named(shut, table_shut, ulong, 0);
module_param_named(calls, table_calls, ulong, 0);
module_param_named(domain_ops, table_domain_ops, ulong, 0);

#define GATES	((const struct jettison_gate *)table_gates)
#define NR	(*(const u32 *)table_nr_gates)
#define SHUT	((const u8 *)table_shut)
#define CALLS	((atomic_long_t *)table_calls)

#define NR_EARLY 4

/* Called from the beginning. */
static struct early {
	any_function function;
	int answer;			/* the function's own */
	unsigned int gate;
} early[NR_EARLY];

struct worker {
	struct task_struct *task;
	unsigned int cpu;
	unsigned long rounds;
	unsigned long own, shut, wrong;	/* answers of early functions */
	unsigned long *calls;		/* of each gate, while it was shut */
	struct completion done;
};

static struct worker workers[2][NR_CPUS];
static u8 blank[256];			/* a struct amd_ir_data of no interrupt */

static bool is_shut(unsigned int gate)
{
	return READ_ONCE(SHUT[GATES[gate].region]);
}

static int call_early(void *data)
{
	struct worker *worker = data;
	unsigned long arguments[NR_EARLY][3] = {
		{ (unsigned long)blank },
		{ (unsigned long)blank },
		{ 0, 0, (unsigned long)blank },
		{ 0 },
	};
	unsigned long turn;

	for (turn = 0; !kthread_should_stop(); turn++) {
		unsigned int i = turn % NR_EARLY;
		int answer = early[i].function(arguments[i][0], arguments[i][1],
					       arguments[i][2], 0, 0, 0);

		if (answer == (int)GATES[early[i].gate].answer) {
			worker->shut++;
			worker->calls[early[i].gate]++;
		} else if (answer == early[i].answer) {
			worker->own++;
		} else {
			worker->wrong++;
		}
		if (turn % 256)
			cond_resched();
		else
			schedule_timeout_uninterruptible(1);
	}
	return 0;
}

static int call_all(void *data)
{
	struct worker *worker = data;
	unsigned long round;
	unsigned int i;

	for (round = 0; round < worker->rounds; round++) {
		for (i = 0; i < NR; i++) {
			any_function entry = GATES[i].entry;
			unsigned long answer;

			/* A function that answers would take the zeros for its arguments. */
			if (!is_shut(i) || (GATES[i].flags & JETTISON_GATE_FUNCTION))
				continue;
			answer = entry(0, 0, 0, 0, 0, 0);
			worker->calls[i]++;
			if (!(GATES[i].flags & JETTISON_GATE_VOID) &&
			    answer != (unsigned long)GATES[i].answer)
				worker->wrong++;
			cond_resched();
		}
	}
	complete(&worker->done);
	return 0;
}

static int start(struct worker *worker, int (*work)(void *), unsigned int cpu)
{
	worker->cpu = cpu;
	init_completion(&worker->done);
	worker->calls = kcalloc(NR, sizeof(*worker->calls), GFP_KERNEL);
	if (!worker->calls)
		return -ENOMEM;
	worker->task = kthread_create_on_cpu(work, worker, cpu, "calls_gates/%u");
	if (IS_ERR(worker->task)) {
		worker->task = NULL;
		return -ENOMEM;
	}
	wake_up_process(worker->task);
	return 0;
}

static void call_all_gates(unsigned long rounds)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		workers[1][cpu].rounds = rounds;
		if (start(&workers[1][cpu], call_all, cpu))
			pr_alert("guest-says: no thread for CPU %u\n", cpu);
	}
	for_each_online_cpu(cpu) {
		if (workers[1][cpu].task)
			wait_for_completion(&workers[1][cpu].done);
	}
}

static void stop_early(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		if (workers[0][cpu].task)
			kthread_stop(workers[0][cpu].task);
		workers[0][cpu].task = NULL;
	}
}

static void add_up(void)
{
	unsigned long own = 0, shut = 0, wrong = 0, calls = 0, called = 0, quiet = 0, differ = 0;
	unsigned int i, cpu, way;

	for (i = 0; i < NR; i++) {
		unsigned long sum = 0;

		for_each_possible_cpu(cpu) {
			for (way = 0; way < 2; way++) {
				if (workers[way][cpu].calls)
					sum += workers[way][cpu].calls[i];
			}
		}
		/* Calls of these are no news, and not counted. */
		if (GATES[i].flags & JETTISON_GATE_EXPECTED) {
			quiet += sum > 0;
			sum = 0;
		}
		calls += sum;
		called += sum > 0;
		differ += sum != atomic_long_read(&CALLS[i]);
	}
	for_each_possible_cpu(cpu) {
		own += workers[0][cpu].own;
		shut += workers[0][cpu].shut;
		wrong += workers[0][cpu].wrong + workers[1][cpu].wrong;
	}
	pr_alert("guest-says: early own %lu shut %lu\n", own, shut);
	pr_alert("guest-says: total calls %lu gates %lu quiet %lu differ %lu wrong %lu\n",
		 calls, called, quiet, differ, wrong);
}

static int set_rounds(const char *text, const struct kernel_param *param)
{
	unsigned long rounds;
	int err = kstrtoul(text, 0, &rounds);

	if (err)
		return err;
	if (rounds) {
		call_all_gates(rounds);
	} else {
		stop_early();
		add_up();
	}
	return 0;
}

static const struct kernel_param_ops rounds_ops = { .set = set_rounds };
module_param_cb(rounds, &rounds_ops, NULL, 0200);

static int __init take(unsigned int i, void *function, int answer)
{
	unsigned int gate;

	for (gate = 0; gate < NR; gate++) {
		if (GATES[gate].entry != function)
			continue;
		if (is_shut(gate) || (int)GATES[gate].answer == answer)
			break;
		early[i] = (struct early){ function, answer, gate };
		return 0;
	}
	pr_alert("guest-says: cannot take %pS\n", function);
	return -EINVAL;
}

static int __init calls_gates_init(void)
{
	const struct irq_domain_ops *domain_ops = (void *)table_domain_ops;
	unsigned int cpu;
	int err;

	/* As a module gets them, and one that a table of the kernel holds. */
	err = take(0, amd_iommu_activate_guest_mode, 0) ?:
	      take(1, amd_iommu_deactivate_guest_mode, 0) ?:
	      take(2, amd_iommu_update_ga, 0) ?:
	      take(3, domain_ops->alloc, -EINVAL);
	if (err)
		return err;
	for_each_online_cpu(cpu) {
		err = start(&workers[0][cpu], call_early, cpu);
		if (err) {
			stop_early();
			return err;
		}
	}
	pr_alert("guest-says: early threads %u\n", num_online_cpus());
	return 0;
}

static void __exit calls_gates_exit(void)
{
	unsigned int cpu;

	stop_early();
	for_each_possible_cpu(cpu) {
		kfree(workers[0][cpu].calls);
		kfree(workers[1][cpu].calls);
	}
}

module_init(calls_gates_init);
module_exit(calls_gates_exit);
MODULE_DESCRIPTION("Calls of functions that are gone, from all CPUs");
MODULE_LICENSE("GPL");
