#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The first program of a guest that runs a script. The script writes to the kernel's log, where no
# other line can land in the middle of its own.
/bin/busybox --install -s /bin
PATH=/bin
export PATH
mount -t devtmpfs none /dev 2>/dev/null
mount -t proc none /proc
mount -t sysfs none /sys
mount -t debugfs none /sys/kernel/debug 2>/dev/null
echo on >/proc/sys/kernel/printk_devkmsg

say() { echo "<1>guest-says: $*" >/dev/kmsg; }

# A file's first line, or why there is none.
look() {
	if [ -r "$1" ]; then head -n 1 "$1"; else echo absent; fi
}

# Runs a command and says its exit code.
try() {
	"$@" 2>/tmp/error
	say "$* = $? $(tr '\n' ' ' </tmp/error)"
}

finish() {
	say done
	# A machine that cannot be turned off: QEMU also ends when a guest resets.
	[ "$jettison_end" = reset ] && reboot -f
	poweroff -f
}

J=/sys/kernel/jettison
JD=/sys/kernel/debug/jettison
exec </dev/null >/dev/kmsg 2>&1
