// SPDX-License-Identifier: Apache-2.0
/* Lines that the guest prints, and little things that all of it needs. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

int out = -1;
unsigned int cpus;

void say(const char *format, ...)
{
	/* <1>: shown whatever "quiet" or "loglevel=" say. */
	char line[512] = "<1>jettison-guest: ";
	size_t start = strlen(line), length;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + start, sizeof(line) - start - 1, format, arguments);
	va_end(arguments);
	for (char *c = line + start; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = ' ';
	length = strlen(line);
	line[length++] = '\n';
	if (write(out, line, length) < 0)
		write(1, line + 3, length - 3);
}

void power_off(const char *result)
{
	const char *end = getenv("jettison_end");

	say("done %s", result);
	/* A thread of the kernel prints (7.3): what it still has to print would be torn by the messages of the end. */
	usleep(200000);
	/* A machine that cannot be turned off halts, which returns to nobody; QEMU also ends when a guest resets. */
	if (!end || strcmp(end, "reset"))
		reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

void fail(const char *format, ...)
{
	char why[300];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	say("failed %s", why);
	power_off("failed");
}

int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	if (length < 0)
		return -1;
	while (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = 0;
	return 0;
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int result = fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;

	if (fd >= 0)
		close(fd);
	return result;
}

void mount_on(const char *type, const char *path, const char *options)
{
	mkdir(path, 0755);
	if (mount(type, path, type, 0, options) && errno != EBUSY)
		fail("%s cannot be mounted: %s", type, strerror(errno));
}

void use_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % cpus, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

unsigned long free_bytes(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram * info.mem_unit;
}
