// SPDX-License-Identifier: Apache-2.0
/*
 * Loaded before the C library into Xen's tools in a dom0 whose kernel has no file locks (CONFIG_FILE_LOCKING): each is
 * granted, as nobody else runs there who could want it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

int fcntl64(int fd, int command, ...)
{
	va_list arguments;
	long argument;

	if (command == F_SETLK || command == F_SETLKW)
		return 0;
	va_start(arguments, command);
	argument = va_arg(arguments, long);
	va_end(arguments);
	return syscall(SYS_fcntl, fd, command, argument);
}

int fcntl(int, int, ...) __attribute__((alias("fcntl64")));

int flock(int fd, int operation)
{
	(void)fd;
	(void)operation;
	return 0;
}
