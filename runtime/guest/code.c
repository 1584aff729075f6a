// SPDX-License-Identifier: Apache-2.0
/* Which pages of the kernel's text somebody uses. */
#include "guest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long code_start, code_pages;
static uint8_t *code_used;

void find_kernel_code(void)
{
	char line[200];
	unsigned long start, end;
	FILE *file = fopen("/proc/iomem", "r");

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, ": Kernel code") && sscanf(line, " %lx-%lx", &start, &end) == 2) {
			code_start = start / PAGE;
			code_pages = (end + 1 - start) / PAGE;
		}
	if (file)
		fclose(file);
	code_used = calloc(code_pages + 1, 1);
}

/* Calls what() for each page of the kernel's text, by its flags. */
static int visit_code_pages(void (*what)(unsigned long page, uint64_t flags))
{
	static uint64_t flags[512];
	int fd = open("/proc/kpageflags", O_RDONLY);

	if (fd < 0)
		return -1;
	for (unsigned long page = 0; page < code_pages; page += 512) {
		ssize_t length = pread(fd, flags, sizeof(flags), (code_start + page) * 8);

		for (unsigned long i = 0; (ssize_t)(i * 8 + 7) < length && page + i < code_pages; i++)
			what(page + i, flags[i]);
	}
	close(fd);
	return 0;
}

static uint64_t wanted;
static unsigned long count;

static void count_flagged(unsigned long page, uint64_t flags)
{
	if (flags & wanted) {
		code_used[page] = 1;
		count++;
	}
}

/* Counts the pages of the kernel's text that now have this flag, and adds them to code_used. */
void say_code_pages(const char *key, uint64_t flag)
{
	wanted = flag;
	count = 0;
	if (visit_code_pages(count_flagged) == 0)
		say("code-pages %s %lu", key, count);
}

static void count_left(unsigned long page, uint64_t flags)
{
	(void)page;
	count += !(flags & KPF_RESERVED);
}

void say_code_pages_used(void)
{
	unsigned long used = 0;

	count = 0;
	if (visit_code_pages(count_left))
		return;
	for (unsigned long page = 0; page < code_pages; page++)
		used += code_used[page];
	say("code-pages used %lu", used);
	/* The image is reserved as long as it belongs to nobody else. */
	say("code-pages left %lu", count);
}
