// SPDX-License-Identifier: GPL-2.0-only
/* Whether a component is in use: programs that the link stage has made of its manifest. */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/init.h>
#include <linux/list.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "jettison.h"

/* Results that a program may have on its stack. */
#define MAX_RESULTS	16

static bool __init equals(const struct jettison_test *test)
{
	switch (test->size) {
	case 1:
		return *(const u8 *)test->symbol == (u8)test->value;
	case 2:
		return *(const u16 *)test->symbol == (u16)test->value;
	case 4:
		return *(const u32 *)test->symbol == (u32)test->value;
	default:
		return *(const u64 *)test->symbol == test->value;
	}
}

static bool __init list_not_empty(const struct list_head *list)
{
	/* A list that nobody has initialised has nothing on it. */
	return list->next && !list_empty(list);
}

static bool __init holds(const struct jettison_test *test)
{
	bool (*calls)(void);

	switch (test->op) {
	case JETTISON_NON_ZERO:
		return memchr_inv(test->symbol, 0, test->length);
	case JETTISON_POINTER_SET:
		return *(void * const *)test->symbol;
	case JETTISON_LIST_NOT_EMPTY:
		return list_not_empty(test->symbol);
	case JETTISON_CALLS:
		calls = test->symbol;
		return calls();
	case JETTISON_EQUALS:
		return equals(test);
	default:
		return false;
	}
}

/* A program that cannot be understood keeps its component. */
bool __init jettison_in_use(const struct jettison_component *component)
{
	const struct jettison_test *test = component->in_use;
	const struct jettison_test *end = test + component->nr_tests;
	bool result[MAX_RESULTS];
	unsigned int depth = 0, i, set;

	for (; test < end; test++) {
		switch (test->op) {
		case JETTISON_ANY:
		case JETTISON_ALL:
			if (test->nr > depth || depth == MAX_RESULTS)
				goto malformed;
			for (i = 0, set = 0; i < test->nr; i++)
				set += result[--depth];
			result[depth++] = test->op == JETTISON_ANY ?
					  set : set == test->nr;
			break;
		case JETTISON_NOT:
			if (!depth)
				goto malformed;
			result[depth - 1] = !result[depth - 1];
			break;
		default:
			if (test->op > JETTISON_NOT || depth == MAX_RESULTS)
				goto malformed;
			result[depth++] = holds(test);
		}
	}
	if (depth == 1)
		return result[0];
malformed:
	pr_warn("%s: its test for being in use makes no sense\n",
		component->name);
	return true;
}
