/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables that the link stage hands over in tables.S, and names that the parts
 * of Jettison share.
 */
#ifndef _KERNEL_JETTISON_H
#define _KERNEL_JETTISON_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/build_bug.h>
#include <linux/init.h>
#include <linux/sched.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* Room in a set. The link makes no kernel with more. */
#define JETTISON_MAX_COMPONENTS	1024

/* Some of jettison_components[], by their indices. */
struct jettison_set {
	DECLARE_BITMAP(has, JETTISON_MAX_COMPONENTS);
};

/*
 * Whether a component is in use is a postfix program of these. The first six
 * push a truth value, the others replace what they take from the stack.
 */
enum jettison_op {
	JETTISON_NON_ZERO,
	JETTISON_POINTER_SET,
	JETTISON_LIST_NOT_EMPTY,
	JETTISON_CALLS,
	JETTISON_EQUALS,
	JETTISON_NEVER,
	JETTISON_ANY,
	JETTISON_ALL,
	JETTISON_NOT,
};

struct jettison_test {
	u8 op;
	u8 size;		/* EQUALS: bytes of the object: 1, 2, 4 or 8 */
	u16 nr;			/* ANY, ALL: results taken from the stack */
	u32 length;		/* NON_ZERO: bytes of the object */
	const void *symbol;	/* the object or the function */
	u64 value;		/* EQUALS: the number or the address */
};

enum jettison_can_appear {
	JETTISON_NEVER_APPEARS,
	JETTISON_HOTPLUG,
	JETTISON_MODULE,
	JETTISON_ALWAYS,	/* of use anywhere: leaves where it is named */
};

struct jettison_component {
	const char *name;
	const char *reason;	/* why the plan refused it, or NULL */
	const struct jettison_test *in_use;
	u16 nr_tests;
	u8 can_appear;
	u8 refused;
	u32 reserved;
};

enum jettison_kind {
	JETTISON_TEXT,
	JETTISON_RODATA,
	JETTISON_DATA,
	JETTISON_BSS,
};

struct jettison_region {	/* sorted by address */
	void *start;		/* page-aligned, as is the end */
	void *end;
	u32 first_owner;	/* index into jettison_owners[] */
	u32 nr_owners;
	u32 kind;
	u32 reserved;
};

/* The second stays as long as the first does. It comes after it. */
struct jettison_need {		/* sorted by the first */
	u16 component;
	u16 needed;
};

#define JETTISON_MAX_PADDING	32

/*
 * A piece of padding. The table is filled in after the last link, so it holds
 * nothing that would have to be relocated.
 */
struct jettison_padding {	/* sorted */
	u32 page;		/* of its start, counted from _text */
	u32 nr;			/* pages */
};

static inline bool jettison_is_text(const struct jettison_region *region)
{
	return region->kind == JETTISON_TEXT;
}

#define JETTISON_GATE_VOID	0x1	/* the function returns nothing */
#define JETTISON_GATE_REFUSE	0x2	/* modules may not link to it when shut */
#define JETTISON_GATE_EXPECTED	0x4	/* it is called on any machine */
#define JETTISON_GATE_FUNCTION	0x8	/* it jumps to the function at @answer */

struct jettison_gate {	/* sorted by entry */
	const char *name;	/* of the function that it stands for */
	void *entry;		/* the gate's own address */
	long answer;		/* what it returns when shut */
	u32 region;		/* index into jettison_regions */
	u32 flags;
};

/* A built-in driver that no manifest describes, in the order of initcalls. */
struct jettison_automatic {
	u32 component;		/* index into jettison_components */
	u32 found_late;		/* its devices are found after the initcalls */
	initcall_t init;	/* init memory has both */
	exitcall_t exit;
};

/* tables.S is written without these definitions. */
static_assert(sizeof(struct jettison_test) == 24);
static_assert(offsetof(struct jettison_test, nr) == 2);
static_assert(offsetof(struct jettison_test, length) == 4);
static_assert(offsetof(struct jettison_test, symbol) == 8);
static_assert(offsetof(struct jettison_test, value) == 16);
static_assert(sizeof(struct jettison_component) == 32);
static_assert(offsetof(struct jettison_component, in_use) == 16);
static_assert(offsetof(struct jettison_component, nr_tests) == 24);
static_assert(offsetof(struct jettison_component, can_appear) == 26);
static_assert(offsetof(struct jettison_component, refused) == 27);
static_assert(sizeof(struct jettison_region) == 32);
static_assert(offsetof(struct jettison_region, first_owner) == 16);
static_assert(offsetof(struct jettison_region, nr_owners) == 20);
static_assert(offsetof(struct jettison_region, kind) == 24);
static_assert(sizeof(struct jettison_need) == 4);
static_assert(offsetof(struct jettison_need, needed) == 2);
static_assert(sizeof(struct jettison_padding) == 8);
static_assert(offsetof(struct jettison_padding, nr) == 4);
static_assert(sizeof(struct jettison_automatic) == 24);
static_assert(offsetof(struct jettison_automatic, found_late) == 4);
static_assert(offsetof(struct jettison_automatic, init) == 8);
static_assert(offsetof(struct jettison_automatic, exit) == 16);
static_assert(sizeof(struct jettison_gate) == 32);
static_assert(offsetof(struct jettison_gate, entry) == 8);
static_assert(offsetof(struct jettison_gate, answer) == 16);
static_assert(offsetof(struct jettison_gate, region) == 24);
static_assert(offsetof(struct jettison_gate, flags) == 28);

extern const struct jettison_component jettison_components[];
extern const struct jettison_region jettison_regions[];
extern const struct jettison_gate jettison_gates[];
extern const u16 jettison_owners[];	/* of each region, in ascending order */
extern const struct jettison_need jettison_needs[];
extern const u32 jettison_nr_components, jettison_nr_regions, jettison_nr_gates;
extern const u32 jettison_nr_owners, jettison_nr_needs;
extern const struct jettison_padding jettison_padding[];
extern const u32 jettison_nr_padding;
extern const u32 jettison_padding_owner;	/* jettison_components[], if any */
extern const struct jettison_automatic jettison_automatic[];
extern const u32 jettison_nr_automatic;
extern u8 jettison_region_shut[];
extern atomic_long_t jettison_gate_calls[];

unsigned long jettison_shut_gate(const struct jettison_gate *gate);

enum jettison_mode {
	JETTISON_MODE_ON,
	JETTISON_MODE_OFF,
	JETTISON_MODE_SELFTEST,
	JETTISON_MODE_AUDIT,
};

enum jettison_state {
	JETTISON_KEPT,
	JETTISON_JETTISONED,
	JETTISON_REFUSED,
	JETTISON_WITHHELD,
};

/* The fate of a component. */
struct jettison_fate {
	enum jettison_state state;
	const char *reason;
	unsigned long pages;	/* freed if it is jettisoned, else those that stay */
	unsigned long stuck;	/* not freed, as their mapping resisted */
};

/* Nanoseconds that the boot takes longer. */
struct jettison_times {
	u64 waiting;	/* for tasks and probes */
	u64 deciding;
	u64 search;
	u64 release;
};

extern enum jettison_mode jettison_mode;
extern struct jettison_fate *jettison_fates;	/* one a component */
extern struct jettison_set jettison_leaving;	/* the components that do */
extern struct jettison_set jettison_audited;	/* those that would have */
extern u8 *jettison_freed;			/* one a region */
extern unsigned long jettison_pages;		/* freed in all */
extern struct jettison_times jettison_times;
extern const char * const jettison_state_names[];

static inline bool jettison_set_is_empty(const struct jettison_set *set)
{
	return bitmap_empty(set->has, JETTISON_MAX_COMPONENTS);
}

static inline void jettison_add(struct jettison_set *set,
				const struct jettison_set *other)
{
	bitmap_or(set->has, set->has, other->has, JETTISON_MAX_COMPONENTS);
}

/* Whether a region leaves when @set does. */
static inline bool jettison_owners_in(const struct jettison_region *region,
				      const struct jettison_set *set)
{
	unsigned int i;

	for (i = 0; i < region->nr_owners; i++) {
		if (!test_bit(jettison_owners[region->first_owner + i], set->has))
			return false;
	}
	return true;
}

static inline void jettison_add_owners(struct jettison_set *set,
				       const struct jettison_region *region)
{
	unsigned int i;

	for (i = 0; i < region->nr_owners; i++)
		__set_bit(jettison_owners[region->first_owner + i], set->has);
}

int jettison_region_of(unsigned long addr);
const struct jettison_gate *jettison_find_gate(unsigned long addr);
unsigned int jettison_counted_at(const struct jettison_region *region);
unsigned long jettison_mapping(unsigned long addr);
bool jettison_mapping_is_memory(unsigned long mapping);
bool jettison_free_pages(void *start, void *end, u8 *freed);
void jettison_find_inside(struct jettison_set *inside);
void jettison_find_probing(struct jettison_set *busy, bool deferred);
void jettison_find_wanted(struct jettison_set *wanted);

bool jettison_needs_exit(unsigned int component);
bool jettison_has_failed(unsigned int component);
void jettison_hold_probes(const struct jettison_set *leaving);
void jettison_resume_probes(void);
const char *jettison_driver_stays(unsigned int component,
				  const struct jettison_set *wanted, bool dropped);
void jettison_call_exits(struct jettison_set *again);
void jettison_run_initcalls_again(void);

#ifdef CONFIG_XEN_PV
int jettison_unshare(unsigned long start, unsigned long end);
#else
static inline int jettison_unshare(unsigned long start, unsigned long end)
{
	return 0;
}
#endif

#ifdef CONFIG_JETTISON_TABLES
bool jettison_kallsyms_needed(void);
bool jettison_orc_needed(void);
void jettison_forget_tables(void);
#else
static inline void jettison_forget_tables(void) { }
#endif

extern struct jettison_set jettison_keep, jettison_drop;	/* init data */
extern bool jettison_no_hotplug;

bool jettison_word_is(const char *param, const char *word, const char *yes,
		      const char *no);
void jettison_add_components(const char *names, struct jettison_set *set);
bool jettison_in_use(const struct jettison_component *component);
bool jettison_tables_make_sense(void);

int jettison_sysfs_init(void);
#ifdef CONFIG_DEBUG_FS
void jettison_debugfs_init(void);
#else
static inline void jettison_debugfs_init(void) { }
#endif
struct kobject *jettison_component_kobj(unsigned int component);

int jettison_reports_init(void);
void jettison_events_init(void);
void jettison_report_call(unsigned int gate, unsigned long caller);

bool jettison_padding_gone(unsigned long addr);
bool jettison_padding_makes_sense(void);
const char *jettison_padding_stays(void);
void jettison_decide_padding(void);
void jettison_free_padding(void);
void jettison_visit_gone_padding(void (*what)(void *start, void *end));
void jettison_count_padding(void);

/* How the kernel's image is mapped, from _text to _end. */
struct jettison_mappings {
	unsigned long small;	/* 4 kB */
	unsigned long large;	/* 2 MB */
};

extern struct jettison_mappings jettison_mappings_before, jettison_mappings_after;

struct jettison_mappings jettison_count_mappings(void);

struct jettison_selftest {
	struct task_struct *task;	/* whose calls of shut gates are no news */
	unsigned long pages;
	unsigned long failures;
	unsigned long gates;
};

extern struct jettison_selftest jettison_selftest;

void jettison_run_selftest(void);

enum jettison_place {
	JETTISON_IN_DATA,
	JETTISON_IN_PERCPU,
	JETTISON_IN_SLAB,
	JETTISON_ON_STACK,
	JETTISON_ELSEWHERE,
	JETTISON_PLACES,
};

/* Words of each place that a search keeps for its list. */
#define JETTISON_MAX_FOUND	32UL

struct jettison_scan {
	const char *name;		/* what asks, for the log */
	const struct jettison_set *leaving;	/* whose regions are looked for */
	unsigned long list;		/* words to list, of each place and component */
	struct jettison_set owners;	/* those that something points to */
	unsigned long pages;		/* searched */
	unsigned long again;		/* words that were looked at again */
	unsigned long found[JETTISON_PLACES];
};

struct jettison_found {
	unsigned long word;		/* its address */
	unsigned long inverted;		/* where it points: or the next search would find it */
	pid_t pid;			/* on a stack: whose */
	char comm[TASK_COMM_LEN];
};

unsigned long jettison_image_address(struct page *page, unsigned long addr);
void jettison_list_found(const struct jettison_scan *scan, enum jettison_place place,
			 const struct jettison_found *found);
int jettison_run_scan(struct jettison_scan *scan);
bool jettison_searches(void);
void jettison_find_referenced(struct jettison_set *referenced);

extern unsigned long jettison_scan_pages;

extern unsigned long jettison_audit_pages;
extern unsigned long jettison_audit_found[JETTISON_PLACES];

int jettison_run_audit(void);

#ifdef CONFIG_PCI_QUIRKS
/* Fixups of all passes, one behind the other: vmlinux.lds.h */
extern char __start_pci_fixups_early[], __end_pci_fixups_suspend_late[];

void jettison_forget_fixups(void);
#else
static inline void jettison_forget_fixups(void) { }
#endif

#endif /* _KERNEL_JETTISON_H */
