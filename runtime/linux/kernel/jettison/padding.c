// SPDX-License-Identifier: GPL-2.0-only
/*
 * The padding inside the kernel's image. The entry text is aligned to 2 MB at
 * both ends, and the SRSO thunk lies a fixed distance from it, unless
 * CONFIG_X86_COMPACT_TEXT gives it pages of its own; what an encrypted
 * guest shares with its host begins at a multiple of 2 MB in .bss. All between
 * is fill that nothing executes, reads or has the address of, as the link
 * stage has proved. It is freed like a region, but shuts no gates.
 */
#define pr_fmt(fmt) "jettison: " fmt

#include <linux/bits.h>
#include <linux/init.h>
#include <linux/jettison.h>
#include <linux/kmemleak.h>
#include <linux/math.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>

#include <asm/cpufeature.h>
#include <asm/sections.h>

#include "jettison.h"

/* jettison.padding= */
static bool wanted __initdata = true;

/* By row of the table. */
static u32 leaving;
static u8 freed[JETTISON_MAX_PADDING] __read_mostly;

static int __init set_padding(char *word)
{
	wanted = jettison_word_is("padding", word, "on", "off");
	return 0;
}
early_param("jettison.padding", set_padding);

static void *start_of(const struct jettison_padding *padding)
{
	return _text + ((unsigned long)padding->page << PAGE_SHIFT);
}

static void *end_of(const struct jettison_padding *padding)
{
	return start_of(padding) + ((unsigned long)padding->nr << PAGE_SHIFT);
}

/* Asked by unwinders, so no tracing. */
bool notrace jettison_padding_gone(unsigned long addr)
{
	unsigned long page = (addr - (unsigned long)_text) >> PAGE_SHIFT;
	unsigned int i;

	for (i = 0; i < jettison_nr_padding; i++) {
		if (page - jettison_padding[i].page < jettison_padding[i].nr)
			return READ_ONCE(freed[i]);
	}
	return false;
}

static bool __init lies_in(void *start, void *end, const char *first,
			   const char *last)
{
	return start >= (void *)first && end <= (void *)last;
}

/* mem_encrypt_free_decrypted_mem() has freed the rest of what is shared. */
static bool __init in_decrypted_memory(void *start, void *end)
{
	return IS_ENABLED(CONFIG_AMD_MEM_ENCRYPT) &&
	       start < (void *)__end_bss_decrypted &&
	       end > (void *)__start_bss_decrypted;
}

/* In ascending order, inside what may leave, apart from the regions. */
bool __init jettison_padding_makes_sense(void)
{
	void *free_from = _text;
	unsigned int i, region;

	if (!jettison_nr_padding)
		return true;
	if (jettison_nr_padding > JETTISON_MAX_PADDING ||
	    jettison_padding_owner >= jettison_nr_components)
		return false;

	for (i = 0; i < jettison_nr_padding; i++) {
		void *start = start_of(&jettison_padding[i]);
		void *end = end_of(&jettison_padding[i]);

		if (start < free_from || start >= end ||
		    in_decrypted_memory(start, end))
			return false;
		if (!lies_in(start, end, __jettison_text_start,
			     __jettison_text_end) &&
		    !lies_in(start, end, _sdata, _edata) &&
		    !lies_in(start, end, __bss_start, __bss_stop))
			return false;
		for (region = 0; region < jettison_nr_regions; region++) {
			if (start < jettison_regions[region].end &&
			    jettison_regions[region].start < end)
				return false;
		}
		free_from = end;
	}
	return true;
}

/* Why all of it stays although nothing is in its way, or NULL. */
const char *__init jettison_padding_stays(void)
{
	return wanted ? NULL : "off";
}

/*
 * With page table isolation the large mapping of the entry text is in the
 * user's page tables as well, and that for every entry to cost no more than it
 * has to. So that mapping is left in one piece. Compact text has no such
 * mapping: its pages are in these tables one by one.
 */
static bool __init in_user_page_tables(const struct jettison_padding *padding)
{
	unsigned long start = round_down((unsigned long)__entry_text_start, PMD_SIZE);
	unsigned long end = round_up((unsigned long)__entry_text_end, PMD_SIZE);

	return !IS_ENABLED(CONFIG_X86_COMPACT_TEXT) &&
	       cpu_feature_enabled(X86_FEATURE_PTI) &&
	       (unsigned long)start_of(padding) < end &&
	       (unsigned long)end_of(padding) > start;
}

/* Which of it leaves, when it has been decided that it may. */
void __init jettison_decide_padding(void)
{
	struct jettison_fate *fate;
	unsigned int i;

	if (!jettison_nr_padding)
		return;
	fate = &jettison_fates[jettison_padding_owner];
	if (fate->state != JETTISON_JETTISONED)
		return;
	for (i = 0; i < jettison_nr_padding; i++) {
		if (in_user_page_tables(&jettison_padding[i]))
			fate->reason = "pti";
		else
			leaving |= BIT(i);
	}
	if (leaving)
		return;
	fate->state = JETTISON_WITHHELD;
	__clear_bit(jettison_padding_owner, jettison_leaving.has);
}

void jettison_free_padding(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_padding; i++) {
		const struct jettison_padding *padding = &jettison_padding[i];

		if (!(leaving & BIT(i)))
			continue;
		/* It searches all of .data and .bss; of text it knows nothing. */
		if (start_of(padding) >= (void *)_sdata)
			kmemleak_free_part(start_of(padding),
					   (size_t)padding->nr << PAGE_SHIFT);
		if (!jettison_free_pages(start_of(padding), end_of(padding), &freed[i]))
			jettison_fates[jettison_padding_owner].stuck += padding->nr;
	}
}

/* Calls @what for each piece that has left. */
void jettison_visit_gone_padding(void (*what)(void *start, void *end))
{
	unsigned int i;

	for (i = 0; i < jettison_nr_padding; i++) {
		if (freed[i])
			what(start_of(&jettison_padding[i]),
			     end_of(&jettison_padding[i]));
	}
}

/* Counts the pages freed or, if none was to leave, those that stay. */
void jettison_count_padding(void)
{
	unsigned int i;

	for (i = 0; i < jettison_nr_padding; i++) {
		if (!leaving || freed[i])
			jettison_fates[jettison_padding_owner].pages +=
				jettison_padding[i].nr;
	}
}
