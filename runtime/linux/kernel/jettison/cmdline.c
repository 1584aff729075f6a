// SPDX-License-Identifier: GPL-2.0-only
/* The command line: the mode, and components by name. */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "jettison.h"

enum jettison_mode jettison_mode __ro_after_init = JETTISON_MODE_ON;

struct jettison_set jettison_keep __initdata;
struct jettison_set jettison_drop __initdata;

/* This machine gets no devices but those that are there. */
bool jettison_no_hotplug __initdata;

static int __init set_mode(char *mode)
{
	if (mode && !strcmp(mode, "on")) {
		jettison_mode = JETTISON_MODE_ON;
	} else if (mode && !strcmp(mode, "selftest")) {
		jettison_mode = JETTISON_MODE_SELFTEST;
	} else if (mode && !strcmp(mode, "audit")) {
		jettison_mode = JETTISON_MODE_AUDIT;
	} else {
		if (!mode || strcmp(mode, "off"))
			pr_warn("unknown mode '%s': nothing is freed\n",
				mode ?: "");
		jettison_mode = JETTISON_MODE_OFF;
	}
	return 0;
}
early_param("jettison", set_mode);

/* Whether the value of a parameter is @yes. Any other one is taken for @no. */
bool __init jettison_word_is(const char *param, const char *word, const char *yes,
			     const char *no)
{
	bool is = word && !strcmp(word, yes);

	if (!is && (!word || strcmp(word, no)))
		pr_warn("jettison.%s is neither %s nor %s but '%s': it is taken for %s\n",
			param, yes, no, word ?: "", no);
	return is;
}

static int __init component_named(const char *name, size_t length)
{
	unsigned int i, nr;

	/* The tables have not been checked yet. */
	nr = min_t(unsigned int, jettison_nr_components, JETTISON_MAX_COMPONENTS);
	for (i = 0; i < nr; i++) {
		const char *known = jettison_components[i].name;

		if (strlen(known) == length && !memcmp(known, name, length))
			return i;
	}
	return -1;
}

/* Adds the components of a list to @set, and warns of names that are none. */
void __init jettison_add_components(const char *names, struct jettison_set *set)
{
	while (names && *names) {
		size_t length = strcspn(names, ",");
		int i = component_named(names, length);

		if (i >= 0)
			__set_bit(i, set->has);
		else if (length)
			pr_warn("there is no component '%.*s'\n",
				(int)length, names);
		names += length;
		names += *names == ',';
	}
}

static int __init set_keep(char *names)
{
	jettison_add_components(names, &jettison_keep);
	return 0;
}
early_param("jettison.keep", set_keep);

static int __init set_drop(char *names)
{
	jettison_add_components(names, &jettison_drop);
	return 0;
}
early_param("jettison.drop", set_drop);

static int __init set_hotplug(char *word)
{
	jettison_no_hotplug = jettison_word_is("hotplug", word, "none", "keep");
	return 0;
}
early_param("jettison.hotplug", set_hotplug);
