// SPDX-License-Identifier: Apache-2.0
/* Using all memory. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Memory that is left free. An allocation that cannot be met ends in the OOM killer, and this process is all it
 * could kill. So the fill stops above what little_aside() leaves to watermarks and per-CPU lists, and what
 * interrupts may need meanwhile.
 */
#define LEFT_FREE MIB

#define CHUNK (256 * 1024ul)

static uint64_t buffer[CHUNK / 8];

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
void settle(void)
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

void fill_memory(void)
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
