// SPDX-License-Identifier: Apache-2.0
/*
 * The only program of a guest. It says what the kernel shows in /sys/kernel/jettison, then puts every page
 * the page allocator has to use, reads all of it back, and turns the machine off. With jettison=audit it has
 * the kernel look again after that.
 *
 * With jettison_fill=no on the kernel's command line it leaves the memory alone; with jettison_fill=idle it then
 * sleeps, and the host ends the guest.
 *
 * What it says goes through /dev/kmsg, where a line is one record of the kernel's log: nothing that the
 * kernel prints at the same moment can land in the middle of it. A line is
 *	jettison-guest: <key> <words>
 * and the last one is "done ok", or "failed <why>" followed by "done failed".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <unistd.h>

#define MIB (1ul << 20)
#define PAGE 4096ul
#define MAX_CPUS 64u

/*
 * What is left free. An allocation that cannot be met ends in the OOM killer, and this process is all it
 * could kill. So the fill stops above what little_aside() leaves to watermarks and per-CPU lists, and what
 * interrupts may need meanwhile.
 */
#define LEFT_FREE MIB

#define CHUNK (256 * 1024ul)

static int out = -1;
static unsigned int cpus;
static uint64_t buffer[CHUNK / 8];

static void say(const char *format, ...)
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

static void power_off(const char *result)
{
	say("done %s", result);
	reboot(RB_POWER_OFF);
	/* A kernel without ACPI would halt, which returns to nobody; QEMU also ends when a guest resets. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static void fail(const char *format, ...)
{
	char why[300];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	say("failed %s", why);
	power_off("failed");
}

static int read_text(const char *path, char *text, size_t size)
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

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int result = fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;

	if (fd >= 0)
		close(fd);
	return result;
}

static void mount_on(const char *type, const char *path, const char *options)
{
	mkdir(path, 0755);
	if (mount(type, path, type, 0, options) && errno != EBUSY)
		fail("%s cannot be mounted: %s", type, strerror(errno));
}

static void use_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % cpus, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static unsigned long free_bytes(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram * info.mem_unit;
}

/* ---- What the kernel shows ---- */

static void say_mem_total(void)
{
	char text[256];
	unsigned long kib;

	if (read_text("/proc/meminfo", text, sizeof(text)) || sscanf(text, "MemTotal: %lu kB", &kib) != 1)
		fail("/proc/meminfo has no MemTotal");
	say("mem-total %lu", kib * 1024);
}

static void say_file(const char *key, const char *folder, const char *name)
{
	char path[1024], text[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!read_text(path, text, sizeof(text)))
		say("%s %s %s", key, name, text);
}

/*
 * When the kernel freed what: its log's own times, in microseconds. With "quiet" these are free of the time that a
 * line takes to be shown.
 */
static void say_log(void)
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
		    !strncmp(text, "Write protecting ", 17))
			say("log %llu %s", time, text);
	}
	close(log);
}

static int is_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void say_sysfs(void)
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
}

/* ---- Which pages of the kernel's text somebody uses ---- */

/* Bits of /proc/kpageflags, Documentation/admin-guide/mm/pagemap.rst: */
#define KPF_SLAB (1ull << 7)
#define KPF_SWAPBACKED (1ull << 14) /* tmpfs and anonymous memory */

static unsigned long code_start, code_pages;
static uint8_t *code_used;

static void find_kernel_code(void)
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

/* Counts the pages of the kernel's text that now have this flag, and adds them to code_used. */
static void say_code_pages(const char *key, uint64_t flag)
{
	static uint64_t flags[512];
	unsigned long count = 0;
	int fd = open("/proc/kpageflags", O_RDONLY);

	if (fd < 0)
		return;
	for (unsigned long page = 0; page < code_pages; page += 512) {
		ssize_t length = pread(fd, flags, sizeof(flags), (code_start + page) * 8);

		for (unsigned long i = 0; (ssize_t)(i * 8 + 7) < length && page + i < code_pages; i++)
			if (flags[i] & flag) {
				code_used[page + i] = 1;
				count++;
			}
	}
	close(fd);
	say("code-pages %s %lu", key, count);
}

static void say_code_pages_used(void)
{
	unsigned long count = 0;

	if (access("/proc/kpageflags", R_OK))
		return;
	for (unsigned long page = 0; page < code_pages; page++)
		count += code_used[page];
	say("code-pages used %lu", count);
}

/* ---- Using all memory ---- */

/*
 * Watermarks and the reserve for lower zones keep megabytes from ordinary allocations for ever, and the
 * freed pages could be among them. The per-CPU lists grow to megabytes as well, which are then neither
 * counted as free nor found by the other CPUs: the highest fraction makes them as short as they can be.
 */
static void little_aside(void)
{
	write_text("/proc/sys/vm/min_free_kbytes", "256");
	write_text("/proc/sys/vm/watermark_boost_factor", "0");
	write_text("/proc/sys/vm/lowmem_reserve_ratio", "0 0 0 0");
	write_text("/proc/sys/vm/percpu_pagelist_high_fraction", "1000000");
}

/*
 * Pages freed at boot start out on the per-CPU lists, and there tmpfs and slab take from different ones
 * (movable, unmovable). No interface drains them in every configuration, so they are emptied from both
 * ends: the fills allocate on every CPU in turn, which takes what its lists hold first; and the tmpfs files
 * are removed oldest first on one CPU, whose lists pass the oldest pages on to the allocator, so that what
 * stays on them when slab is filled is the end of the last file. The other CPUs are turned off and on
 * again, which drains theirs. Compaction, where built in, starts by draining all of them.
 */
static void drain_lists(void)
{
	sync();
	write_text("/proc/sys/vm/drop_caches", "3");
	write_text("/proc/sys/vm/compact_memory", "1");
	for (unsigned int cpu = 1; cpu < cpus; cpu++) {
		char path[80];

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
		use_cpu(0);
		if (!write_text(path, "0") && write_text(path, "1"))
			fail("CPU %u does not come back", cpu);
	}
}

static char *own_pages(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

/*
 * The pages freed last are given out first, so a good part of those that left the kernel would now hold this
 * process's own data for as long as it runs. While others hold what is next to be given out, its data and heap
 * get new pages, all of them before any old one is released; mremap puts them in the place of the old. The
 * stack stays: what is copied may not change before it is in place.
 */
static void settle(void)
{
	struct { char *start, *fresh; size_t bytes; } ranges[8];
	unsigned int nr = 0;
	char *held[MAX_CPUS], maps[4096], access[8];

	if (read_text("/proc/self/maps", maps, sizeof(maps)))
		fail("/proc/self/maps cannot be read");
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		use_cpu(cpu);
		held[cpu] = own_pages(2 * MIB);
	}
	for (char *line = strtok(maps, "\n"); line && nr < 8; line = strtok(NULL, "\n")) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx %7s", &start, &end, access) != 3)
			continue;
		if (strcmp(access, "rw-p") || strstr(line, "[stack]"))
			continue;
		ranges[nr].start = (char *)start;
		ranges[nr].bytes = end - start;
		ranges[nr].fresh = own_pages(end - start);
		nr += ranges[nr].fresh != MAP_FAILED;
	}
	for (unsigned int i = 0; i < nr; i++) {
		memcpy(ranges[i].fresh, ranges[i].start, ranges[i].bytes);
		mremap(ranges[i].fresh, ranges[i].bytes, ranges[i].bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		       ranges[i].start);
	}
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		if (held[cpu] != MAP_FAILED)
			munmap(held[cpu], 2 * MIB);
}

#define CHUNKS_PER_FILE 16ul

/* No two pages alike: a page used twice, or one that was not kept, shows. */
#define FIRST_WORD(number) (((number) + 1) * 0x9e3779b97f4a7c15ull)
#define NEXT_WORD(word) ((word) + 0xd1342543de82ef95ull)

static void make_pattern(uint64_t number, size_t bytes)
{
	uint64_t word = FIRST_WORD(number);

	for (size_t i = 0; i < (bytes + 7) / 8; i++, word = NEXT_WORD(word))
		buffer[i] = word;
}

static int is_pattern(uint64_t number, size_t bytes)
{
	uint64_t word = FIRST_WORD(number);

	for (size_t i = 0; i < bytes / 8; i++, word = NEXT_WORD(word))
		if (buffer[i] != word)
			return 0;
	return !memcmp(&buffer[bytes / 8], &word, bytes % 8);
}

static int open_fill_file(unsigned long number, int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "/fill/%lu", number);
	return open(path, flags, 0600);
}

static unsigned long fill_tmpfs(void)
{
	unsigned long chunks = 0, bytes = 0;
	int fd = -1, full = 0;

	mount_on("tmpfs", "/fill", "size=100%,nr_inodes=0");
	while (!full && free_bytes() > LEFT_FREE + CHUNK) {
		ssize_t length;

		if (chunks % CHUNKS_PER_FILE == 0) {
			close(fd);
			fd = open_fill_file(chunks / CHUNKS_PER_FILE, O_CREAT | O_RDWR);
			if (fd < 0)
				fail("tmpfs: %s", strerror(errno));
			use_cpu(chunks / CHUNKS_PER_FILE);
		}
		make_pattern(chunks, CHUNK);
		length = write(fd, buffer, CHUNK);
		if (length < 0 && errno != ENOSPC)
			fail("tmpfs: %s", strerror(errno));
		full = length != (ssize_t)CHUNK;
		bytes += length > 0 ? length : 0;
		chunks++;
	}
	close(fd);
	say_code_pages("user", KPF_SWAPBACKED);

	for (unsigned long chunk = 0, left = bytes; left > 0; chunk++) {
		size_t want = left < CHUNK ? left : CHUNK;

		if (chunk % CHUNKS_PER_FILE == 0) {
			if (chunk > 0)
				close(fd);
			fd = open_fill_file(chunk / CHUNKS_PER_FILE, O_RDONLY);
		}
		if (read(fd, buffer, want) != (ssize_t)want || !is_pattern(chunk, want))
			fail("tmpfs: %lu KiB from the start differ from what was written", chunk * CHUNK / 1024);
		left -= want;
	}
	close(fd);

	use_cpu(0);
	for (unsigned long number = 0; number * CHUNKS_PER_FILE < chunks; number++) {
		char path[40];

		snprintf(path, sizeof(path), "/fill/%lu", number);
		unlink(path);
	}
	umount("/fill");
	return bytes;
}

/*
 * Datagrams that nobody has received yet: the kernel copies each into an object from kmalloc with
 * copy_from_user and its checks (CONFIG_HARDENED_USERCOPY), and out of it with copy_to_user. Page cache
 * takes neither way. With the 320 bytes of skb_shared_info these fit objects of 704 to 8192 bytes.
 */
static const size_t sizes[] = { 7800, 3700, 1700, 3600, 700, 3700, 1600, 3650, 300, 3700 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static size_t message_size(unsigned long number, unsigned long few)
{
	size_t size = sizes[number % SIZES];

	/* An object of two pages needs two free ones side by side: not once few are left, see LEFT_FREE. */
	return size > PAGE && number >= few ? PAGE / 2 : size;
}

static unsigned long fill_slab(void)
{
	unsigned long messages = 0, few = ~0ul, bytes = 0, enough;
	int pair[2], big = 1 << 30;

	write_text("/proc/sys/net/unix/max_dgram_qlen", "1000000000");
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		fail("slab: no unix sockets: %s", strerror(errno));
	if (setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big)))
		fail("slab: SO_SNDBUFFORCE: %s", strerror(errno));
	enough = free_bytes() / 8;
	for (;; messages++) {
		size_t size;

		if (messages % 16 == 0) {
			unsigned long left = free_bytes();

			if (left < LEFT_FREE)
				break;
			if (left < enough && few == ~0ul)
				few = messages;
			if (few == ~0ul)
				use_cpu(messages / 1024);
		}
		size = message_size(messages, few);
		make_pattern(messages, size);
		if (send(pair[0], buffer, size, MSG_DONTWAIT) != (ssize_t)size) {
			if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
				break;
			fail("slab: message %lu: %s", messages, strerror(errno));
		}
		bytes += size;
	}
	say_code_pages("slab", KPF_SLAB);

	for (unsigned long message = 0; message < messages; message++) {
		size_t size = message_size(message, few);

		if (recv(pair[1], buffer, sizeof(buffer), MSG_DONTWAIT) != (ssize_t)size || !is_pattern(message, size))
			fail("slab: message %lu differs from what was sent", message);
	}
	close(pair[0]);
	close(pair[1]);
	return bytes;
}

/* ---- Words that jettison=audit is to find ---- */

/* init_uts_ns: its name begins at byte 65 of a structure that is aligned to 8. */
static void plant_in_data(uint64_t word)
{
	char name[7 + sizeof(word)] = "planted";

	memcpy(name + 7, &word, sizeof(word));
	if (sethostname(name, sizeof(name)))
		fail("plant: sethostname: %s", strerror(errno));
}

/* A datagram that nobody has received is in an object from kmalloc. */
static void plant_in_slab(uint64_t word)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) || send(pair[0], &word, sizeof(word), 0) < 0)
		fail("plant: datagram: %s", strerror(errno));
}

/* A sender that waits for room in the receiver's queue has the receiver's address on its stack. */
static void plant_on_stack(uint64_t word)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
	int sender = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy((char *)&to + 8, &word, sizeof(word));
	if (bind(receiver, (struct sockaddr *)&to, 16))
		fail("plant: bind: %s", strerror(errno));
	if (fork() == 0)
		for (;;)
			sendto(sender, "", 1, 0, (struct sockaddr *)&to, 16);
	/* Until the queue is full. */
	sleep(1);
}

static void plant(uint64_t word)
{
	plant_in_data(word);
	plant_in_slab(word);
	plant_on_stack(word);
}

static void fill_memory(void)
{
	unsigned long before, bytes;

	little_aside();
	before = free_bytes();
	say("free %lu", before);
	bytes = fill_tmpfs();
	say("fill tmpfs %lu", bytes);
	if (bytes < before / 2)
		fail("tmpfs: only %lu of %lu free bytes could be used", bytes, before);
	drain_lists();
	bytes = fill_slab();
	say("fill slab %lu", bytes);
	if (bytes < before / 2)
		fail("slab: only %lu of %lu free bytes could be used", bytes, before);
	say_code_pages_used();
}

int main(void)
{
	const char *fill, *word;

	mount_on("devtmpfs", "/dev", NULL);
	out = open("/dev/kmsg", O_WRONLY);
	mount_on("proc", "/proc", NULL);
	mount_on("sysfs", "/sys", NULL);
	/* Lines that come fast from a program are dropped otherwise; without its newline the word is not taken. */
	write_text("/proc/sys/kernel/printk_devkmsg", "on\n");
	say("begin");
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus > MAX_CPUS)
		cpus = MAX_CPUS;
	find_kernel_code();
	settle();
	say_mem_total();
	say_sysfs();
	if (getenv("jettison_log"))
		say_log();

	/* What the kernel does not know on its command line is passed on as environment. */
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
	write_text("/sys/kernel/jettison/audit", "1");
	say_sysfs();
	power_off("ok");
}
