// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jettison: give back the memory of built-in components that this machine has
 * no use for.
 *
 * The link stage gathers what only serves a component into page-aligned
 * regions, each of one kind of memory, and puts a gate in the way of every
 * reference from outside to a function; data that is referred to from there
 * stays. An open gate jumps to its function, a shut one ends in
 * jettison_shut_gate(). At boot
 *
 *  - jettison_decide() shuts the regions of the components that are not in
 *    use, makes sure that no task is inside, and has the tables that patch
 *    code forget them. It runs after the last initcall, while the tables can
 *    still be written and init data can still be read;
 *  - jettison_release() frees the pages. It runs after mark_readonly(), which
 *    would make them read-only again, and before pti_finalize(), which copies
 *    the mapping of the kernel's image.
 */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/bitops.h>
#include <linux/cpu.h>
#include <linux/ftrace.h>
#include <linux/instruction_pointer.h>
#include <linux/jettison.h>
#include <linux/jettison_sections.h>
#include <linux/kmemleak.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/poison.h>
#include <linux/sched.h>
#include <linux/set_memory.h>

#include <asm/cpufeature.h>
#include <asm/sections.h>
#include <asm/tlbflush.h>

#include "compat.h"
#include "jettison.h"

const char * const jettison_state_names[] = {
	[JETTISON_KEPT]		= "kept",
	[JETTISON_JETTISONED]	= "jettisoned",
	[JETTISON_REFUSED]	= "refused",
	[JETTISON_WITHHELD]	= "withheld",
};

struct jettison_fate *jettison_fates;
struct jettison_set jettison_leaving;
struct jettison_set jettison_audited;
u8 *jettison_freed;
unsigned long jettison_pages;
struct jettison_times jettison_times;

/* Set for good when the regions that are shut stop being the kernel's. */
static bool regions_gone __read_mostly;

/* The region that @addr lies in, or -1. Asked by unwinders, so no tracing. */
int notrace jettison_region_of(unsigned long addr)
{
	int low = 0, high = (int)jettison_nr_regions - 1;

	while (low <= high) {
		int middle = (low + high) / 2;

		if (addr < (unsigned long)jettison_regions[middle].start)
			high = middle - 1;
		else if (addr >= (unsigned long)jettison_regions[middle].end)
			low = middle + 1;
		else
			return middle;
	}
	return -1;
}

/* The gate at @addr, or NULL. */
const struct jettison_gate *jettison_find_gate(unsigned long addr)
{
	int low = 0, high = (int)jettison_nr_gates - 1;

	while (low <= high) {
		int middle = (low + high) / 2;
		const struct jettison_gate *gate = &jettison_gates[middle];

		if (addr == (unsigned long)gate->entry)
			return gate;
		if (addr < (unsigned long)gate->entry)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return NULL;
}

/**
 * jettison_gone - whether a part of the kernel's image has been given back
 * @addr: an address in the image
 *
 * Return: true if code or data was at @addr once and is no more.
 */
bool notrace jettison_gone(unsigned long addr)
{
	int region;

	if (!READ_ONCE(regions_gone))
		return false;
	/* On every stack that came from user space, in the midst of padding. */
	if (addr >= (unsigned long)__entry_text_start &&
	    addr < (unsigned long)__entry_text_end)
		return false;
	region = jettison_region_of(addr);
	if (region < 0)
		return jettison_padding_gone(addr);
	return jettison_region_shut[region];
}

/**
 * jettison_holds_rodata - whether constants of a component are there to stay
 * @addr: any address
 *
 * Return: true if @addr lies among the constants of a component that stays.
 */
bool jettison_holds_rodata(unsigned long addr)
{
	int region;

	if (addr < (unsigned long)__jettison_rodata_start ||
	    addr >= (unsigned long)__jettison_rodata_end)
		return false;
	region = jettison_region_of(addr);
	return region >= 0 && !jettison_region_shut[region];
}

/**
 * jettison_gave_back - whether memory that was kernel text no longer is
 * @addr: address in the direct map
 * @n: number of bytes, at least one
 *
 * Return: true if none of the bytes at @addr is an alias of kernel text that
 * is still there.
 */
bool jettison_gave_back(unsigned long addr, unsigned long n)
{
	unsigned long last;

	addr += (unsigned long)_text - (unsigned long)lm_alias(_text);
	last = addr + n - 1;
	for (addr &= PAGE_MASK; addr <= last; addr += PAGE_SIZE) {
		int region = jettison_region_of(addr);
		bool freed = region < 0 ? jettison_padding_gone(addr) :
			     jettison_freed && READ_ONCE(jettison_freed[region]);

		if (__is_kernel_text(addr) && !freed)
			return false;
	}
	return true;
}

/*
 * A region with several owners is counted at one of them, or sums over the
 * components would not add up: at the last that shares its fate.
 */
unsigned int jettison_counted_at(const struct jettison_region *region)
{
	const u16 *owners = &jettison_owners[region->first_owner];
	unsigned int i = region->nr_owners - 1;

	if (!jettison_region_shut[region - jettison_regions]) {
		while (i && test_bit(owners[i], jettison_leaving.has))
			i--;
	}
	return owners[i];
}

/*
 * A shut gate jumps here, so whoever called the gate is the caller. A tracer
 * would put its own address in the place of the caller's.
 */
__visible notrace unsigned long jettison_shut_gate(const struct jettison_gate *gate)
{
	unsigned int nr = gate - jettison_gates;

	if ((gate->flags & JETTISON_GATE_EXPECTED) ||
	    READ_ONCE(jettison_selftest.task) == current)
		return gate->answer;

	if (atomic_long_inc_return(&jettison_gate_calls[nr]) == 1)
		jettison_report_call(nr, _RET_IP_);
	return gate->answer;
}

NOKPROBE_SYMBOL(jettison_shut_gate);

/*
 * The flags of the page-table entry that maps @addr, 0 where there is none.
 * The levels above have a say in two of them.
 */
unsigned long jettison_mapping(unsigned long addr)
{
	unsigned long flags;
	bool nx, rw;
	pte_t *pte = lookup_mapping(addr, &nx, &rw);

	if (!pte || !(pte_flags(*pte) & _PAGE_PRESENT))
		return 0;
	flags = pte_flags(*pte);
	return (nx ? flags | _PAGE_NX : flags) & ~(rw ? 0 : _PAGE_RW);
}

/*
 * Whether @mapping is that of memory: read-write and not executable. With page
 * table isolation it is not global either, or user space could guess at it.
 */
bool jettison_mapping_is_memory(unsigned long mapping)
{
	unsigned long want = _PAGE_RW | (__supported_pte_mask & _PAGE_NX);
	unsigned long global = cpu_feature_enabled(X86_FEATURE_PTI) ? _PAGE_GLOBAL : 0;

	return (mapping & (want | global)) == want;
}

/*
 * Half a PMD at a time, so that none is taken away as a whole: a PMD that is
 * not present in the middle of the text is an error to pti_clone_pgtable().
 */
static int unmap_image(unsigned long addr, unsigned long end)
{
	unsigned long next;
	int err = 0;

	for (; addr < end && !err; addr = next) {
		next = min(end, ALIGN(addr + 1, PMD_SIZE / 2));
		err = set_memory_np_noalias(addr, (next - addr) >> PAGE_SHIFT);
	}
	return err;
}

/*
 * set_memory_rw() and its like look after aliases and protect the kernel's
 * text; both is wrong here. So take the old address away on its own, and make
 * the alias in the direct map, which mark_readonly() left read-only, a page
 * like any other. A page that did not end up like that is not freed; @freed is
 * set where all of them are.
 */
bool jettison_free_pages(void *start, void *end, u8 *freed)
{
	unsigned long old = (unsigned long)start;
	unsigned long size = end - start;
	unsigned long direct = (unsigned long)lm_alias(start);
	unsigned long offset;

	if (jettison_unshare(old, old + size) || unmap_image(old, old + size))
		return false;
	for (offset = 0; offset < size; offset += PAGE_SIZE) {
		if (set_direct_map_default_noflush(virt_to_page(direct + offset)))
			return false;
	}
	flush_tlb_kernel_range(direct, direct + size);

	/*
	 * The self-test goes on like a confidential guest that shares a page
	 * with its host. This must not bring back the old address.
	 */
	if (jettison_mode == JETTISON_MODE_SELFTEST && jettison_gone(old) &&
	    (set_memory_np(direct, size >> PAGE_SHIFT) ||
	     set_memory_p(direct, size >> PAGE_SHIFT)))
		return false;

	for (offset = 0; offset < size; offset += PAGE_SIZE) {
		if (jettison_mapping(old + offset) ||
		    !jettison_mapping_is_memory(jettison_mapping(direct + offset)))
			return false;
	}

	/* User copies may come from other CPUs as soon as it is free. */
	WRITE_ONCE(*freed, 1);
	jettison_pages += free_reserved_area((void *)direct, (void *)direct + size,
					     POISON_FREE_INITMEM, NULL);
	return true;
}

static bool free_region(const struct jettison_region *region)
{
	unsigned long size = region->end - region->start;

	/* Locks have their keys in variables and their names in constants. */
	lockdep_free_key_range(region->start, size);
	if (region->kind == JETTISON_DATA || region->kind == JETTISON_BSS)
		kmemleak_free_part(region->start, size);

	return jettison_free_pages(region->start, region->end,
				   &jettison_freed[region - jettison_regions]);
}

static void forget_probes(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_regions; i++) {
		const struct jettison_region *region = &jettison_regions[i];

		if (!jettison_region_shut[i] || !jettison_is_text(region))
			continue;
		kprobe_free_mem(region->start, region->end);
		ftrace_free_mem(NULL, region->start, region->end);
	}
}

static void free_regions(void)
{
	const struct jettison_region *region;
	unsigned int i;

	/* Disarming a probe writes to what has to be kernel text still. */
	forget_probes();

	/*
	 * Jump labels and static calls ask whether an address is kernel text
	 * and patch it without letting go of the CPU hotplug lock: after this
	 * nobody is between the two.
	 */
	cpus_write_lock();
	WRITE_ONCE(regions_gone, true);
	cpus_write_unlock();

	/* New ones are refused by now; these were set since the last time. */
	forget_probes();

	for (i = 0; i < jettison_nr_regions; i++) {
		region = &jettison_regions[i];
		if (jettison_region_shut[i] && !free_region(region))
			jettison_fates[jettison_counted_at(region)].stuck +=
				(region->end - region->start) >> PAGE_SHIFT;
	}
}

/* A component of which nothing could be freed is withheld. */
static void settle_fate(const struct jettison_component *component,
			struct jettison_fate *fate)
{
	if (fate->stuck && !fate->pages) {
		fate->state = JETTISON_WITHHELD;
		fate->reason = "page-tables";
		fate->pages = fate->stuck;
	} else if (fate->stuck) {
		pr_warn("%s: the mapping of %lu more pages could not be changed, they stay\n",
			component->name, fate->stuck);
	}
	pr_info("%s: %s, %lu pages (%s)\n", component->name,
		jettison_state_names[fate->state], fate->pages, fate->reason);
}

static void settle_fates(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_components; i++)
		settle_fate(&jettison_components[i], &jettison_fates[i]);
	pr_info("%lu pages freed: waiting %llu us, deciding %llu, search %llu, release %llu\n",
		jettison_pages, jettison_times.waiting / NSEC_PER_USEC,
		jettison_times.deciding / NSEC_PER_USEC,
		jettison_times.search / NSEC_PER_USEC,
		jettison_times.release / NSEC_PER_USEC);
}

void jettison_release(void)
{
	ktime_t start;
	unsigned int i;

	if (!jettison_fates)
		return;

	jettison_mappings_before = jettison_count_mappings();
	start = ktime_get();
	if (!jettison_set_is_empty(&jettison_leaving)) {
		free_regions();
		jettison_free_padding();
	}
	jettison_times.release = ktime_to_ns(ktime_sub(ktime_get(), start));
	jettison_mappings_after = jettison_count_mappings();

	for (i = 0; i < jettison_nr_regions; i++) {
		const struct jettison_region *region = &jettison_regions[i];

		if (jettison_region_shut[i] && !jettison_freed[i])
			continue;
		jettison_fates[jettison_counted_at(region)].pages +=
			(region->end - region->start) >> PAGE_SHIFT;
	}
	jettison_count_padding();
	if (jettison_mode != JETTISON_MODE_OFF)
		settle_fates();

	if (jettison_mode == JETTISON_MODE_SELFTEST)
		jettison_run_selftest();
	if (jettison_mode == JETTISON_MODE_AUDIT && jettison_run_audit())
		pr_err("audit: out of memory\n");
}
