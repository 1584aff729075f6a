// SPDX-License-Identifier: GPL-2.0-only
/*
 * The link has proved that nothing which it knows of points into what leaves.
 * This looks at what the kernel wrote while it ran: it searches all memory
 * that the kernel may still use for words that point there. Before anything
 * is freed, a component that a word points to is kept; jettison=audit searches
 * as often as it is asked to.
 *
 * Memory is read while the machine runs, page by page. The few words that are
 * found this way are looked at again while all other CPUs are stopped, after
 * free pages and stacks have gone where they can be told apart: there is no
 * other time at which the lists of free slab objects can be read. Stacks are
 * read then too.
 *
 * Not searched are free memory and free slab objects, memory of user space,
 * page tables, the array of struct page, bounce buffers, constants, init memory
 * and what leaves itself. Neither are physical addresses and relative ones
 * found.
 */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/ioport.h>
#include <linux/jettison_scan.h>
#include <linux/ktime.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
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

#include <asm/cpu_entry_area.h>
#include <asm/sections.h>

/* Which cache a page is of, the order of a free block. */
#include "../../mm/internal.h"
#include "../../mm/slab.h"

#include "compat.h"
#include "jettison.h"

/* At each end of a region, put there by the link. */
#define GUARD_BYTES	16

/* Words to be looked at again: more than a page can have. */
#define MAX_WORDS	2048

/*
 * A word points nowhere near what leaves if the chunk that it points to has no
 * page that leaves. Chunks repeat every 4 GB.
 */
#define CHUNK_SHIFT	16
#define NR_CHUNKS	BIT(16)

/* In the address of such a word, which is aligned: it is one no more. */
#define DROPPED		1UL

/* How often words are looked at again that seem to point at something. */
#define MAX_LOOKS	2

/* Runs of memory that are passed over. */
#define MAX_RUNS	16

struct run {
	unsigned long pfn, end;
};

/*
 * All that a search knows of what it looks for is on the stack of the task
 * that runs it, the one stack that is not searched.
 */
struct search {
	struct jettison_scan *scan;
	struct task_struct *searcher;
	unsigned long low, size;	/* where the regions are */
	unsigned long alias;		/* where they are in the direct map */
	unsigned long *leaves;		/* bit: a page of these that leaves */
	u8 *chunks;			/* whether any page of a chunk leaves */
	struct run runs[MAX_RUNS];	/* not searched */
	unsigned int nr_runs;
	unsigned long next_pfn;
	unsigned long *words;		/* addresses, ascending */
	unsigned int nr_words;
	bool stacks;			/* look at them as well */
	unsigned long on_stacks;
	struct jettison_set stack_owners;
	struct jettison_found (*found)[JETTISON_MAX_FOUND];
};

/* Whether @addr lies in a page that leaves. */
static bool leaves(const struct search *search, unsigned long addr)
{
	addr -= search->low;
	return addr < search->size && test_bit(addr >> PAGE_SHIFT, search->leaves);
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

/* The address that @word points at if that leaves, else 0. */
static __always_inline unsigned long target_of(const struct search *search,
					       unsigned long word)
{
	/* Most words are no addresses of the kernel. */
	if (likely((long)word >= 0))
		return 0;
	if (word - search->alias < search->size)
		word += search->low - search->alias;
	if (word - search->low >= search->size)
		return 0;
	return leaves(search, word) && !in_guard(word) ? word : 0;
}

static void add_owners_of(struct jettison_set *set, unsigned long target)
{
	jettison_add_owners(set, &jettison_regions[jettison_region_of(target)]);
}

static bool in_image(unsigned long addr, const char *start, const char *end)
{
	return addr >= (unsigned long)start && addr < (unsigned long)end;
}

/*
 * The link has proved the image as it was made. Words written since can only
 * be in memory that can be written.
 */
static bool image_is_searched(const struct search *search, unsigned long addr)
{
	return (in_image(addr, __start_ro_after_init, __end_ro_after_init) ||
		in_image(addr, _sdata, _end)) &&
	       !in_image(addr, __init_begin, __init_end) &&
	       !leaves(search, addr);
}

/* The address in the image that has @addr in the direct map, or 0. */
unsigned long jettison_image_address(struct page *page, unsigned long addr)
{
	addr += (unsigned long)_text - (unsigned long)lm_alias(_text);
	return PageReserved(page) && in_image(addr, _text, _end) ? addr : 0;
}

/*
 * Memory of the kernel that it may read addresses from, unless it is free. A
 * page table is full of words that look like addresses and are none.
 */
static bool may_hold_addresses(const struct search *search, struct page *page)
{
	unsigned long image = jettison_image_address(page, (unsigned long)page_address(page));
	struct folio *folio = page_folio(page);

	/*
	 * A balloon's page is nobody's, and where Xen has taken it away (PVH)
	 * each word of it is read by an exit. A confidential guest does not
	 * survive a look at what it has not accepted.
	 */
	if (PageOffline(page) || PageHWPoison(page) ||
	    pfn_is_unaccepted_memory(page_to_pfn(page)))
		return false;
	if (image)
		return image_is_searched(search, image) ||
		       image_is_searched(search, image + PAGE_SIZE - 1);
	return !folio_test_lru(folio) && !PageTable(page) &&
	       (folio_test_slab(folio) ||
		(!folio_test_anon(folio) && !folio_test_hugetlb(folio)));
}

/* Words that are passed over at once: a line of the cache. */
#define GROUP_WORDS	8

/* A fault ends the page: there may be a hole in the direct map. */
#define GATHER_SIGN(nr)							\
	"1:	orq	8*" #nr "(%[word]), %%rax\n"			\
	_ASM_EXTABLE(1b, %l[hole])

/* Bits 16 to 31 of a word name the chunk that it may point to. */
#define LOOK_AT_CHUNK(nr)						\
	"1:	movzwl	8*" #nr "+2(%[word]), %%eax\n"			\
	_ASM_EXTABLE(1b, %l[hole])					\
	"	cmpb	$0, (%[chunks], %%rax)\n"			\
	"	jne	%l[near]\n"

/*
 * Adds the words of a page that point at what leaves to those that are looked
 * at again. Every boot waits for this. A group without a negative word, as all
 * addresses of the kernel are, costs an instruction a word, any other group
 * three more, and target_of() is asked only in groups where a word may point
 * near what leaves.
 */
static void search_page(struct search *search, const unsigned long *word)
{
	const unsigned long *end = word + PAGE_SIZE / sizeof(*word);
	unsigned long value;
	unsigned int i;

	pagefault_disable();
	while (word < end) {
		asm goto("xorl	%%eax, %%eax\n"
			 GATHER_SIGN(0) GATHER_SIGN(1) GATHER_SIGN(2) GATHER_SIGN(3)
			 GATHER_SIGN(4) GATHER_SIGN(5) GATHER_SIGN(6) GATHER_SIGN(7)
			 "jns	%l[next]\n"
			 LOOK_AT_CHUNK(0) LOOK_AT_CHUNK(1)
			 LOOK_AT_CHUNK(2) LOOK_AT_CHUNK(3)
			 LOOK_AT_CHUNK(4) LOOK_AT_CHUNK(5)
			 LOOK_AT_CHUNK(6) LOOK_AT_CHUNK(7)
			 "jmp	%l[next]\n"
			 : : [word] "r" (word), [chunks] "r" (search->chunks)
			 : "rax", "cc", "memory" : next, near, hole);
near:
		for (i = 0; i < GROUP_WORDS; i++) {
			__get_kernel_nofault(&value, word + i, unsigned long, hole);
			if (target_of(search, value))
				search->words[search->nr_words++] =
					(unsigned long)(word + i);
		}
next:
		word += GROUP_WORDS;
	}
hole:
	pagefault_enable();
}

/* These only tell what an address is, or are none; nobody goes there. */
static bool only_describes(unsigned long word)
{
	return tsc_only_counts(word) || ftrace_only_describes(word) ||
	       kprobes_only_describe(word) || lockdep_only_describes(word) ||
	       error_injection_only_describes(word);
}

static void forget_describing(struct search *search, unsigned int from)
{
	unsigned int nr = from;

	for (; from < search->nr_words; from++) {
		unsigned long word = search->words[from];
		struct page *page = virt_to_page((void *)word);
		unsigned long image = jettison_image_address(page, word);

		if (image && !image_is_searched(search, image))
			continue;
		if (!only_describes(image ?: word))
			search->words[nr++] = word;
	}
	search->nr_words = nr;
}

/* Past the run that @pfn is in, if any. */
static unsigned long past_run(const struct search *search, unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < search->nr_runs; i++) {
		if (pfn >= search->runs[i].pfn && pfn < search->runs[i].end)
			return search->runs[i].end;
	}
	return pfn;
}

/* Past a block of free pages that begins at @pfn. */
static unsigned long past_free_block(struct page *page, unsigned long pfn)
{
	unsigned long order;

	if (!PageBuddy(page))
		return pfn;
	order = buddy_order_unsafe(page);
	/* Without the lock of the zone it may be in use by now. */
	return order <= MAX_PAGE_ORDER && PageBuddy(page) ? pfn + (1UL << order) : pfn;
}

/* Return: 1 if there is no room for the words of another page. */
static int search_pages(unsigned long pfn, unsigned long nr, void *data)
{
	unsigned long end = pfn + nr, next;
	struct search *search = data;

	for (; pfn < end; pfn = next) {
		struct page *page = pfn_to_online_page(pfn);
		unsigned int nr_words = search->nr_words;

		search->next_pfn = pfn;
		if (nr_words + PAGE_SIZE / sizeof(long) > MAX_WORDS)
			return 1;
		next = pfn + 1;
		if (!page)
			continue;
		next = max(past_run(search, pfn), past_free_block(page, pfn));
		if (next > pfn)
			continue;
		next = pfn + 1;
		if (!may_hold_addresses(search, page))
			continue;
		search->scan->pages++;
		search_page(search, page_address(page));
		forget_describing(search, nr_words);
		cond_resched();
	}
	search->next_pfn = end;
	return 0;
}

static void add_run(struct search *search, unsigned long pfn, unsigned long nr)
{
	struct run *last = &search->runs[search->nr_runs - 1];

	if (search->nr_runs && last->end == pfn)
		last->end += nr;
	else if (search->nr_runs < MAX_RUNS)
		search->runs[search->nr_runs++] = (struct run){ pfn, pfn + nr };
}

/*
 * Where the array of struct page lies: it is large, and points at nothing but
 * slabs and address spaces. Runs for which there is no room are searched.
 */
static void find_page_array(struct search *search)
{
	unsigned long pfn, addr, end, size;
	unsigned int level;

	for (pfn = 0; pfn < max_pfn; pfn += PAGES_PER_SECTION) {
		if (!pfn_to_online_page(pfn))
			continue;
		addr = (unsigned long)pfn_to_page(pfn);
		end = addr + PAGES_PER_SECTION * sizeof(struct page);
		for (; addr < end; addr = (addr & ~(size - 1)) + size) {
			pte_t *pte = lookup_address(addr, &level);

			size = page_level_size(level);
			/* The rest of the mapping, if it is a large one. */
			if (pte && pte_present(*pte))
				add_run(search,
					PHYS_PFN(slow_virt_to_phys((void *)addr)),
					(size - (addr & (size - 1))) >> PAGE_SHIFT);
		}
	}
}

/* Bounce buffers hold what devices read and write: up to 64 MB of them. */
static void find_bounce_buffers(struct search *search)
{
	phys_addr_t start, end;

	if (swiotlb_default_buffers(&start, &end))
		add_run(search, PHYS_PFN(start), PHYS_PFN(end) - PHYS_PFN(start));
}

/* The words of a page that only holds what is over. */
static void drop_page(struct search *search, unsigned long start)
{
	unsigned int low = 0, high = search->nr_words;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (search->words[middle] < start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < search->nr_words &&
	     search->words[low] - start < PAGE_SIZE; low++)
		search->words[low] |= DROPPED;
}

static void drop_stack(struct search *search, void *stack, unsigned long size)
{
	void *end = stack + size;
	unsigned int level;

	for (; stack && stack < end; stack += PAGE_SIZE) {
		pte_t *pte = lookup_address((unsigned long)stack, &level);

		if (pte && pte_present(*pte))
			drop_page(search,
				  (unsigned long)__va(slow_virt_to_phys(stack)));
	}
}

/* Stacks are full of what is over. search_stack() looks at what is not. */
static void drop_stacks(struct search *search)
{
	struct task_struct *process, *task;
	unsigned int cpu, i;
	void *stack;

	for_each_process_thread(process, task)
		drop_stack(search, task_stack_page(task), THREAD_SIZE);
	for_each_possible_cpu(cpu) {
		drop_stack(search, task_stack_page(idle_task(cpu)), THREAD_SIZE);
		for (i = 0; thread_stack_cached(cpu, i, &stack); i++)
			drop_stack(search, stack, THREAD_SIZE);
		/* No CPU is in an interrupt or an exception. */
		stack = hardirq_stack(cpu);
		if (stack)
			drop_stack(search, stack + 8 - IRQ_STACK_SIZE, IRQ_STACK_SIZE);
		drop_stack(search, per_cpu(cea_exception_stacks, cpu),
			   sizeof(struct cea_exception_stacks));
	}
}

/* The target of the word at @addr if it is in use and leaves, else 0. */
static unsigned long target_at(const struct search *search, unsigned long addr)
{
	struct page *page = pfn_to_online_page(PHYS_PFN(__pa(addr)));
	struct folio *folio;
	unsigned long word;

	if (!page || is_free_buddy_page(page) ||
	    !may_hold_addresses(search, page) ||
	    get_kernel_nofault(word, (unsigned long *)addr))
		return 0;
	folio = page_folio(page);
	if (folio_test_slab(folio) &&
	    !slab_byte_in_use(folio_slab(folio), (void *)addr))
		return 0;
	return target_of(search, word);
}

static void look_at_words(struct search *search)
{
	unsigned int i, nr = 0;

	drop_stacks(search);
	for (i = 0; i < search->nr_words; i++) {
		if (!(search->words[i] & DROPPED) &&
		    target_at(search, search->words[i]))
			search->words[nr++] = search->words[i];
	}
	search->nr_words = nr;
}

static void search_stack(struct search *search, struct task_struct *task)
{
	unsigned long *word, *end = task_stack_page(task) + THREAD_SIZE;

	/* The stoppers run; they came from nowhere. */
	if (task == search->searcher || task_curr(task) || !task_stack_page(task))
		return;
	for (word = (unsigned long *)task->thread.sp; word < end; word++) {
		unsigned long target = target_of(search, READ_ONCE_NOCHECK(*word));
		struct jettison_found *found;

		if (!target)
			continue;
		add_owners_of(&search->stack_owners, target);
		if (search->on_stacks++ >= JETTISON_MAX_FOUND)
			continue;
		found = &search->found[JETTISON_ON_STACK][search->on_stacks - 1];
		found->inverted = ~target;
		found->pid = task->pid;
		strscpy(found->comm, task->comm, sizeof(found->comm));
	}
}

static void search_stacks(struct search *search)
{
	struct task_struct *process, *task;
	unsigned int cpu;

	search->on_stacks = 0;
	search->stack_owners = (struct jettison_set){};
	for_each_process_thread(process, task)
		search_stack(search, task);
	for_each_online_cpu(cpu)
		search_stack(search, idle_task(cpu));
}

/* Every task stands still, so what its stack holds begins at its pointer. */
static int look_again(void *data)
{
	struct search *search = data;

	rcu_read_lock();
	if (search->nr_words)
		look_at_words(search);
	if (search->stacks)
		search_stacks(search);
	rcu_read_unlock();
	return 0;
}

static enum jettison_place place_of(unsigned long word)
{
	struct page *page = pfn_to_online_page(PHYS_PFN(__pa(word)));

	if (!page)
		return JETTISON_ELSEWHERE;
	if (jettison_image_address(page, word))
		return JETTISON_IN_DATA;
	if (folio_test_slab(page_folio(page)))
		return JETTISON_IN_SLAB;
	return is_kernel_percpu_address(word) ? JETTISON_IN_PERCPU : JETTISON_ELSEWHERE;
}

/* Words that still point at something are found. */
static void take_words(struct search *search)
{
	struct jettison_scan *scan = search->scan;
	unsigned int i;

	get_online_mems();
	for (i = 0; i < search->nr_words; i++) {
		unsigned long word = search->words[i], value, target;
		enum jettison_place place = place_of(word);
		unsigned long nr = scan->found[place];

		if (get_kernel_nofault(value, (unsigned long *)word))
			continue;
		target = target_of(search, value);
		if (!target)
			continue;
		add_owners_of(&scan->owners, target);
		scan->found[place]++;
		if (nr < JETTISON_MAX_FOUND)
			search->found[place][nr] = (struct jettison_found){
				.word = word, .inverted = ~target };
	}
	put_online_mems();
	search->nr_words = 0;
}

/* A page on its way to a list of free or user pages is on none. */
static void settle_memory(void)
{
	rcu_barrier();
	kvfree_rcu_barrier();
	lru_add_drain_all();
	drain_all_pages(NULL);
}

/* All that was found while the machine ran. */
static void look_closer(struct search *search)
{
	unsigned int looks;

	search->scan->again += search->nr_words;
	for (looks = 0; looks < MAX_LOOKS; looks++) {
		/* It waits, and seldom is anything left that it could change. */
		if (looks)
			settle_memory();
		stop_machine(look_again, search, NULL);
		if (!search->nr_words && !search->on_stacks)
			break;
	}
	take_words(search);
}

static void note_chunks(struct search *search, unsigned long addr, unsigned long size)
{
	unsigned long end = addr + size;

	for (; addr < end; addr += PAGE_SIZE)
		search->chunks[(addr >> CHUNK_SHIFT) % NR_CHUNKS] = 1;
}

static int find_regions(struct search *search, const struct jettison_set *leaving)
{
	unsigned long first, size;
	unsigned int i;

	for (i = 0; i < jettison_nr_regions; i++) {
		if (!jettison_owners_in(&jettison_regions[i], leaving))
			continue;
		if (!search->low)
			search->low = (unsigned long)jettison_regions[i].start;
		search->size = (unsigned long)jettison_regions[i].end - search->low;
	}
	if (!search->size)
		return 0;
	search->alias = (unsigned long)lm_alias(search->low);
	search->leaves = bitmap_zalloc(search->size >> PAGE_SHIFT, GFP_KERNEL);
	search->chunks = kvzalloc(NR_CHUNKS, GFP_KERNEL);
	if (!search->leaves || !search->chunks)
		return -ENOMEM;
	for (i = 0; i < jettison_nr_regions; i++) {
		const struct jettison_region *region = &jettison_regions[i];

		if (!jettison_owners_in(region, leaving))
			continue;
		first = (unsigned long)region->start - search->low;
		size = region->end - region->start;
		bitmap_set(search->leaves, first >> PAGE_SHIFT, size >> PAGE_SHIFT);
		note_chunks(search, search->low + first, size);
		note_chunks(search, search->alias + first, size);
	}
	return 0;
}

/**
 * jettison_run_scan - search memory for words that point into what leaves
 * @scan: what leaves, and what is found
 *
 * Return: 0, or -ENOMEM.
 */
int jettison_run_scan(struct jettison_scan *scan)
{
	struct search search = { .scan = scan, .searcher = current };
	int err = -ENOMEM, full;
	unsigned int place;

	search.words = kvmalloc_array(MAX_WORDS, sizeof(*search.words), GFP_KERNEL);
	search.found = kvcalloc(JETTISON_PLACES, sizeof(*search.found), GFP_KERNEL);
	if (!search.words || !search.found || find_regions(&search, scan->leaving))
		goto out;
	err = 0;
	/* Padding is all that leaves. */
	if (!search.size)
		goto out;

	/* Free pages that a CPU holds look like any others. */
	drain_all_pages(NULL);
	do {
		/* No memory goes away in the meantime. */
		get_online_mems();
		if (!search.nr_runs) {
			find_bounce_buffers(&search);
			find_page_array(&search);
		}
		full = walk_system_ram_range(search.next_pfn, max_pfn - search.next_pfn,
					     &search, search_pages);
		put_online_mems();
		search.stacks = full <= 0;
		look_closer(&search);
	} while (full > 0);

	scan->found[JETTISON_ON_STACK] = search.on_stacks;
	jettison_add(&scan->owners, &search.stack_owners);
	get_online_mems();
	for (place = 0; place < JETTISON_PLACES; place++)
		jettison_list_found(scan, place, search.found[place]);
	put_online_mems();
out:
	kvfree(search.chunks);
	bitmap_free(search.leaves);
	kvfree(search.found);
	kvfree(search.words);
	return err;
}
