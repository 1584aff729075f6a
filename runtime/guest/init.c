// SPDX-License-Identifier: Apache-2.0
/*
 * The only program of a guest. It says what the kernel shows in /sys/kernel/jettison and /sys/kernel/debug/jettison, then puts every page
 * the page allocator has to use, reads all of it back, and turns the machine off. With jettison=audit it has
 * the kernel look again after that.
 *
 * With jettison_fill=no on the kernel's command line it leaves the memory alone; with jettison_fill=idle it then
 * sleeps, and the host ends the guest.
 *
 * Its messages go through /dev/kmsg, where a line is one record of the kernel's log: nothing that the
 * kernel prints at the same moment can land in the middle of it. A line is
 *	jettison-guest: <key> <words>
 * and the last one is "done ok", or "failed <why>" followed by "done failed".
 */
#include "guest.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int main(void)
{
	const char *fill, *word;

	out = open("/dev/kmsg", O_WRONLY);
	mount_on("proc", "/proc", NULL);
	mount_on("sysfs", "/sys", NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL); /* not every kernel has it */
	/* Lines that come fast from a program are dropped otherwise; without its newline the word is not taken. */
	write_text("/proc/sys/kernel/printk_devkmsg", "on\n");
	say("begin");
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus > MAX_CPUS)
		cpus = MAX_CPUS;
	find_kernel_code();
	settle();
	say_memory();
	say_sysfs();
	if (getenv("jettison_log"))
		say_log();

	/* The kernel passes on parameters that it does not know as environment. */
	fill = getenv("jettison_fill");
	if (fill && !strcmp(fill, "idle")) {
		say("done ok");
		for (;;)
			pause();
	}
	if (!fill || strcmp(fill, "no"))
		fill_memory();
	word = getenv("jettison_plant");
	if (word)
		plant(strtoull(word, NULL, 16));
	/* Gates that were called since the first look count too. */
	write_text("/sys/kernel/debug/jettison/audit", "1");
	say_sysfs();
	power_off("ok");
}
