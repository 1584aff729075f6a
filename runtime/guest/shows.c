// SPDX-License-Identifier: Apache-2.0
/* The files in which the kernel shows itself. */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* MemTotal does not tell what page tables cost, which mappings that were split need more of. */
void say_memory(void)
{
	static const char *const names[] = { "MemFree", "PageTables", "DirectMap4k", "DirectMap2M" };
	char text[4096];
	unsigned long kib;

	if (read_text("/proc/meminfo", text, sizeof(text)) || sscanf(text, "MemTotal: %lu kB", &kib) != 1)
		fail("/proc/meminfo has no MemTotal");
	say("mem-total %lu", kib * 1024);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *line = strstr(text, names[i]);

		if (line && sscanf(line + strlen(names[i]), ": %lu kB", &kib) == 1)
			say("meminfo %s %lu", names[i], kib * 1024);
	}
}

static void say_file(const char *key, const char *folder, const char *name)
{
	char path[1024], text[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!read_text(path, text, sizeof(text)))
		say("%s %s %s", key, name, text);
}

/*
 * When the kernel freed what and started /init: its log's own times, in microseconds. With "quiet" these are free of
 * the time that a line takes to be shown.
 */
void say_log(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	char record[2048];
	ssize_t length;

	if (log < 0)
		return;
	while ((length = read(log, record, sizeof(record) - 1)) > 0 || (length < 0 && errno == EPIPE)) {
		unsigned long long time;
		char *text;

		if (length < 0)
			continue; /* records were lost before they were read */
		record[length] = 0;
		text = strchr(record, ';');
		if (!text || sscanf(record, "%*u,%*u,%llu", &time) != 1)
			continue;
		*strchrnul(++text, '\n') = 0;
		if (!strncmp(text, "jettison: ", 10) || !strncmp(text, "Freeing ", 8) ||
		    !strncmp(text, "Write protecting ", 17) || !strncmp(text, "Run ", 4))
			say("log %llu %s", time, text);
	}
	close(log);
}

static int is_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Nothing where the kernel lacks debugfs, or neither the self-test nor the audit was asked for. */
static void say_debugfs(void)
{
	static const char root[] = "/sys/kernel/debug/jettison";
	struct dirent **files;
	int nr = scandir(root, &files, is_name, alphasort);

	for (int i = 0; i < nr; i++)
		say_file("debugfs", root, files[i]->d_name);
}

void say_sysfs(void)
{
	static const char root[] = "/sys/kernel/jettison";
	struct dirent **entries;
	int count = scandir(root, &entries, is_name, alphasort);

	if (count < 0) {
		say("sysfs-absent");
		return;
	}
	for (int i = 0; i < count; i++) {
		char folder[512], key[300];
		struct dirent **files;
		int nr;

		snprintf(folder, sizeof(folder), "%s/%s", root, entries[i]->d_name);
		nr = scandir(folder, &files, is_name, alphasort);
		if (nr < 0) {
			say_file("sysfs", root, entries[i]->d_name);
			continue;
		}
		snprintf(key, sizeof(key), "component %s", entries[i]->d_name);
		for (int j = 0; j < nr; j++)
			say_file(key, folder, files[j]->d_name);
	}
	say_debugfs();
}
