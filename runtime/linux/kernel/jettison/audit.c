// SPDX-License-Identifier: GPL-2.0-only
/*
 * jettison=audit: nothing is freed, and all memory that the kernel may still
 * use is searched for words that point into what would have been. The link has
 * proved that nothing which it knows of points there; this looks at what the
 * kernel wrote while it ran.
 */
#define pr_fmt(fmt) "jettison: audit: " fmt

#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/kallsyms.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/swap.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/sections.h>

/* Which cache a page is of. */
#include "../../mm/slab.h"

#include "jettison.h"

/* Words that are listed for each kind of place. All are counted. */
#define MAX_LISTED	32

/* At each end of a region, put there by the link. */
#define GUARD_BYTES	16

static const char * const place_names[] = {
	[JETTISON_IN_DATA]	= "data",
	[JETTISON_IN_PERCPU]	= "per-CPU data",
	[JETTISON_IN_SLAB]	= "slabs",
	[JETTISON_ON_STACK]	= "stacks",
	[JETTISON_ELSEWHERE]	= "other pages",
};

struct find {
	unsigned long inverted;		/* or the next audit would find it */
	char where[96];
};

/*
 * All that an audit knows of what it looks for is on the stack of the task
 * that runs it, the one stack that is not searched.
 */
struct search {
	struct task_struct *auditor;
	unsigned long low, size;	/* where the regions are */
	unsigned long alias;		/* where they are in the direct map */
	unsigned long *words;		/* copy of the page that is looked at */
	struct find (*finds)[MAX_LISTED];
};

unsigned long jettison_audit_pages;
unsigned long jettison_audit_found[JETTISON_PLACES];

static DEFINE_MUTEX(audit_mutex);

static bool would_leave(unsigned long addr)
{
	int region = jettison_region_of(addr);

	return region >= 0 && !(jettison_regions[region].owners & ~jettison_audited);
}

/*
 * Nothing lies at either end of a region, so what points there is the end of
 * what comes before or the start of what follows: _etext, for one.
 */
static bool in_guard(unsigned long addr)
{
	const struct jettison_region *region =
		&jettison_regions[jettison_region_of(addr)];

	return addr - (unsigned long)region->start < GUARD_BYTES ||
	       (unsigned long)region->end - addr <= GUARD_BYTES;
}

/* What @word points at if that would have left, else 0. */
static unsigned long target_of(const struct search *search, unsigned long word)
{
	if (word - search->alias < search->size)
		word += search->low - search->alias;
	if (word - search->low >= search->size || !would_leave(word))
		return 0;
	return in_guard(word) ? 0 : word;
}

static __printf(4, 5) void note(const struct search *search,
				enum jettison_place place, unsigned long target,
				const char *format, ...)
{
	unsigned long nr = jettison_audit_found[place]++;
	struct find *find;
	va_list args;

	if (nr >= MAX_LISTED)
		return;
	find = &search->finds[place][nr];
	find->inverted = ~target;
	va_start(args, format);
	vsnprintf(find->where, sizeof(find->where), format, args);
	va_end(args);
}

struct percpu_symbol {
	unsigned long offset, start;
	char name[64];
};

static int nearer_symbol(void *data, const char *name, unsigned long addr)
{
	struct percpu_symbol *symbol = data;

	addr -= (unsigned long)__per_cpu_start;
	if (addr > symbol->offset || addr < symbol->start)
		return 0;
	symbol->start = addr;
	strscpy(symbol->name, name, sizeof(symbol->name));
	return 0;
}

static bool note_percpu(const struct search *search, unsigned long addr,
			unsigned long target)
{
	struct percpu_symbol symbol = { .name = "?" };
	unsigned int cpu;

	if (!is_kernel_percpu_address(addr))
		return false;
	for_each_possible_cpu(cpu) {
		void __percpu *first = (void __percpu *)__per_cpu_start;

		symbol.offset = addr - (unsigned long)per_cpu_ptr(first, cpu);
		if (symbol.offset < __per_cpu_end - __per_cpu_start)
			break;
	}
	kallsyms_on_each_symbol(nearer_symbol, &symbol);
	note(search, JETTISON_IN_PERCPU, target, "%s+%#lx of CPU %u",
	     symbol.name, symbol.offset - symbol.start, cpu);
	return true;
}

static bool is_stack_of(struct task_struct *task, struct page *page)
{
	void *stack = task_stack_page(task);
	unsigned long offset;

	for (offset = 0; stack && offset < THREAD_SIZE; offset += PAGE_SIZE) {
		if (page == (is_vmalloc_addr(stack) ?
			     vmalloc_to_page(stack + offset) :
			     virt_to_page(stack + offset)))
			return true;
	}
	return false;
}

/* Stacks are full of what is over. scan_stacks() looks at what is not. */
static bool is_stack(struct page *page)
{
	struct task_struct *process, *task;
	unsigned int cpu;
	bool found = false;

	rcu_read_lock();
	for_each_process_thread(process, task)
		found |= is_stack_of(task, page);
	rcu_read_unlock();
	for_each_possible_cpu(cpu)
		found |= is_stack_of(idle_task(cpu), page);
	return found;
}

/*
 * The link has proved what the image was made with; of it only what can be
 * written is of interest, unless that would leave as well.
 */
static void note_in_image(const struct search *search, unsigned long addr,
			  unsigned long target)
{
	bool written = (addr >= (unsigned long)__start_ro_after_init &&
			addr < (unsigned long)__end_ro_after_init) ||
		       (addr >= (unsigned long)_sdata &&
			addr < (unsigned long)_end);

	if (written && !would_leave(addr))
		note(search, JETTISON_IN_DATA, target, "%pS", (void *)addr);
}

static void note_in_slab(const struct search *search, struct slab *slab,
			 unsigned long addr, unsigned long target)
{
	struct kmem_cache *cache = READ_ONCE(slab->slab_cache);
	const char *name;
	unsigned int size;
	char text[32];

	/* By now the page may be somebody else's. */
	if (get_kernel_nofault(name, &cache->name) ||
	    get_kernel_nofault(size, &cache->size) || !size ||
	    strncpy_from_kernel_nofault(text, name, sizeof(text)) < 0)
		note(search, JETTISON_IN_SLAB, target, "a slab, at %#lx", addr);
	else
		note(search, JETTISON_IN_SLAB, target, "%s, %#lx of an object",
		     text, (addr - (unsigned long)slab_address(slab)) % size);
}

static void note_in_page(const struct search *search, struct page *page,
			 unsigned long addr, unsigned long target)
{
	unsigned long image = addr - (unsigned long)lm_alias(_text) +
			      (unsigned long)_text;
	struct folio *folio = page_folio(page);

	if (is_stack(page))
		return;
	if (PageReserved(page) && image >= (unsigned long)_text &&
	    image < (unsigned long)_end) {
		note_in_image(search, image, target);
	} else if (folio_test_slab(folio)) {
		note_in_slab(search, folio_slab(folio), addr, target);
	} else if (!note_percpu(search, addr, target)) {
		note(search, JETTISON_ELSEWHERE, target, "page %#lx, at %#lx",
		     page_to_pfn(page), offset_in_page(addr));
	}
}

/* Neither free nor user memory. */
static bool is_kernels(struct page *page)
{
	struct folio *folio = page_folio(page);

	return !is_free_buddy_page(page) && !folio_test_lru(folio) &&
	       (folio_test_slab(folio) ||
		(!folio_test_anon(folio) && !folio_test_hugetlb(folio)));
}

static int scan_pages(unsigned long pfn, unsigned long nr, void *data)
{
	struct search *search = data;

	for (; nr; pfn++, nr--) {
		struct page *page = pfn_to_online_page(pfn);
		unsigned int i;

		/*
		 * A balloon's page is nobody's, and where Xen has taken it away
		 * (PVH) each word of it is read by an exit. A confidential guest
		 * does not survive a look at what it has not accepted.
		 */
		if (!page || PageOffline(page) || PageHWPoison(page) ||
		    pfn_is_unaccepted_memory(pfn) || !is_kernels(page) ||
		    page == virt_to_page(search->words))
			continue;
		/* There may be a hole in the direct map. */
		if (copy_from_kernel_nofault(search->words, page_address(page),
					     PAGE_SIZE))
			continue;
		jettison_audit_pages++;
		for (i = 0; i < PAGE_SIZE / sizeof(long); i++) {
			unsigned long target = target_of(search, search->words[i]);

			if (target)
				note_in_page(search, page,
					     (unsigned long)page_address(page) +
					     i * sizeof(long), target);
		}
		cond_resched();
	}
	return 0;
}

static void scan_stack(const struct search *search, struct task_struct *task)
{
	unsigned long *word, *end = task_stack_page(task) + THREAD_SIZE;

	/* The stoppers run; they came from nowhere. */
	if (task == search->auditor || task_curr(task) || !task_stack_page(task))
		return;
	for (word = (unsigned long *)task->thread.sp; word < end; word++) {
		unsigned long target = target_of(search, READ_ONCE_NOCHECK(*word));

		if (target)
			note(search, JETTISON_ON_STACK, target, "stack of %s[%d]",
			     task->comm, task->pid);
	}
}

/* Every task stands still, so what its stack holds begins at its pointer. */
static int scan_stacks(void *data)
{
	struct task_struct *process, *task;
	unsigned int cpu;

	rcu_read_lock();
	for_each_process_thread(process, task)
		scan_stack(data, task);
	rcu_read_unlock();
	for_each_online_cpu(cpu)
		scan_stack(data, idle_task(cpu));
	return 0;
}

static void list_finds(const struct search *search)
{
	unsigned int place, i;

	for (place = 0; place < JETTISON_PLACES; place++) {
		unsigned long found = jettison_audit_found[place];

		for (i = 0; i < min(found, MAX_LISTED); i++) {
			struct find *find = &search->finds[place][i];
			unsigned long target = ~find->inverted;
			int region = jettison_region_of(target);
			int owner = jettison_counted_at(&jettison_regions[region]);

			pr_notice("%s: %s points at %pS of %s\n",
				  place_names[place], find->where,
				  (void *)target, jettison_components[owner].name);
		}
		if (found > MAX_LISTED)
			pr_notice("%s: and %lu more\n", place_names[place],
				  found - MAX_LISTED);
	}
}

static void find_bounds(struct search *search)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_regions; i++) {
		unsigned long start = (unsigned long)jettison_regions[i].start;

		if (!would_leave(start))
			continue;
		if (!search->size) {
			search->low = start;
			search->alias = (unsigned long)lm_alias(start);
		}
		search->size = (unsigned long)jettison_regions[i].end - search->low;
	}
}

/**
 * jettison_run_audit - search memory for pointers at what would have left
 *
 * Return: 0, or -ENOMEM.
 */
int jettison_run_audit(void)
{
	struct search search = { .auditor = current };
	unsigned long found = 0;
	unsigned int place;

	search.words = (unsigned long *)__get_free_page(GFP_KERNEL);
	search.finds = kvcalloc(JETTISON_PLACES, sizeof(*search.finds), GFP_KERNEL);
	if (!search.words || !search.finds) {
		free_page((unsigned long)search.words);
		kvfree(search.finds);
		return -ENOMEM;
	}

	mutex_lock(&audit_mutex);
	jettison_audit_pages = 0;
	memset(jettison_audit_found, 0, sizeof(jettison_audit_found));
	find_bounds(&search);

	/* What is on its way to a list of free or user pages is on none. */
	lru_add_drain_all();
	drain_all_pages(NULL);
	walk_system_ram_range(0, max_pfn, &search, scan_pages);
	stop_machine(scan_stacks, &search, NULL);

	list_finds(&search);
	for (place = 0; place < JETTISON_PLACES; place++)
		found += jettison_audit_found[place];
	pr_info("%lu pages, %lu words found\n", jettison_audit_pages, found);
	mutex_unlock(&audit_mutex);

	clear_page(search.words);
	free_page((unsigned long)search.words);
	kvfree(search.finds);
	return 0;
}
