// SPDX-License-Identifier: Apache-2.0
/*
 * Does what a shell cannot do: fill memory, attach a BPF program to a function, open a perf counter, ask for the
 * filter table, have packets stamped, read the kernel's image, read every file of a folder, read a crash dump, take a
 * device over from the kernel, run a virtual machine. One of these a call; exit code 0 is done, anything else says why not.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "helper.h"

uint64_t chunk[CHUNK / 8];

int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

static unsigned long free_bytes(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram * info.mem_unit;
}

/* Reserves of the zones, and what KASAN's quarantine takes back at any moment. */
static unsigned long left_free(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.totalram * info.mem_unit / 64;
}

static void make_pattern(uint64_t *words, size_t bytes, uint64_t number)
{
	for (size_t i = 0; i < bytes / 8; i++)
		words[i] = (number << 20 | i) * 0x9e3779b97f4a7c15ull;
}

static int is_pattern(const uint64_t *words, size_t bytes, uint64_t number)
{
	for (size_t i = 0; i < bytes / 8; i++)
		if (words[i] != (number << 20 | i) * 0x9e3779b97f4a7c15ull)
			return 0;
	return 1;
}

/* ---- All memory, in three ways, each read back ---- */

static int fill_tmpfs(void)
{
	unsigned long chunks = 0;
	int fd = open("/fill/file", O_CREAT | O_RDWR | O_TRUNC, 0600);

	if (fd < 0)
		return fail("/fill");
	for (; free_bytes() > left_free() + CHUNK; chunks++) {
		make_pattern(chunk, CHUNK, chunks);
		if (write(fd, chunk, CHUNK) != CHUNK)
			break;
	}
	lseek(fd, 0, SEEK_SET);
	for (unsigned long i = 0; i < chunks; i++)
		if (read(fd, chunk, CHUNK) != CHUNK || !is_pattern(chunk, CHUNK, i))
			return fprintf(stderr, "tmpfs differs\n"), 1;
	close(fd);
	unlink("/fill/file");
	printf("tmpfs %lu MiB\n", chunks * CHUNK / MIB);
	return 0;
}

static int fill_anonymous(void)
{
	size_t bytes = (free_bytes() - left_free()) & ~(MIB - 1);
	unsigned long used = 0;
	uint64_t *words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (words == MAP_FAILED)
		return fail("mmap");
	for (; used < bytes && free_bytes() > left_free(); used += CHUNK)
		make_pattern(words + used / 8, CHUNK, used / CHUNK);
	for (unsigned long at = 0; at < used; at += CHUNK)
		if (!is_pattern(words + at / 8, CHUNK, at / CHUNK))
			return fprintf(stderr, "anonymous memory differs\n"), 1;
	printf("anonymous %lu MiB\n", used / MIB);
	return 0;
}

/* Datagrams that wait: objects of the slab allocator, copied into and out of with the checks on user copies. */
static int fill_slab(void)
{
	enum { size = 3700 & ~7 };
	unsigned long messages = 0;
	int pair[2], big = 1 << 30;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ||
	    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big)))
		return fail("sockets");
	for (; messages % 16 || free_bytes() > left_free(); messages++) {
		make_pattern(chunk, size, messages);
		if (send(pair[0], chunk, size, MSG_DONTWAIT) != size)
			break;
	}
	for (unsigned long i = 0; i < messages; i++)
		if (recv(pair[1], chunk, sizeof(chunk), MSG_DONTWAIT) != size || !is_pattern(chunk, size, i))
			return fprintf(stderr, "slab differs\n"), 1;
	printf("slab %lu MiB\n", messages * 4096 / MIB);
	return 0;
}

/* ---- BPF at the entry of a function ---- */

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* The bytes that follow a type of BTF (Documentation/bpf/btf.rst). */
static size_t btf_extra(const struct btf_type *type)
{
	size_t nr = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT: case BTF_KIND_VAR: case BTF_KIND_DECL_TAG: return 4;
	case BTF_KIND_ARRAY: return sizeof(struct btf_array);
	case BTF_KIND_STRUCT: case BTF_KIND_UNION: return nr * sizeof(struct btf_member);
	case BTF_KIND_ENUM: return nr * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO: return nr * sizeof(struct btf_param);
	case BTF_KIND_DATASEC: return nr * sizeof(struct btf_var_secinfo);
	case BTF_KIND_ENUM64: return nr * sizeof(struct btf_enum64);
	default: return 0;
	}
}

static unsigned int btf_function(const char *name)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);
	struct stat stat;
	char *data, *at, *strings;
	size_t got = 0;
	struct btf_header *header;

	if (fd < 0 || fstat(fd, &stat))
		return 0;
	data = malloc(stat.st_size);
	for (ssize_t n; got < (size_t)stat.st_size && (n = read(fd, data + got, stat.st_size - got)) > 0;)
		got += n;
	header = (struct btf_header *)data;
	at = data + header->hdr_len + header->type_off;
	strings = data + header->hdr_len + header->str_off;
	for (unsigned int id = 1; at < data + header->hdr_len + header->type_off + header->type_len; id++) {
		struct btf_type *type = (struct btf_type *)at;

		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC && !strcmp(strings + type->name_off, name))
			return id;
		at += sizeof(*type) + btf_extra(type);
	}
	return 0;
}

/* Attaches a program that does nothing, lets the function run for a moment and takes it away. */
static int attach_fentry(const char *name)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static char log[4096];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_FENTRY,
		.insns = (uintptr_t)nothing,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int program, link;

	attr.attach_btf_id = btf_function(name);
	if (!attr.attach_btf_id)
		return fprintf(stderr, "no BTF of %s\n", name), 2;
	program = bpf(BPF_PROG_LOAD, &attr);
	if (program < 0)
		return fprintf(stderr, "load: %s %s\n", strerror(errno), log), 3;
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = program;
	link = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	if (link < 0)
		return fprintf(stderr, "attach: %s\n", strerror(errno)), 4;
	usleep(200000);
	close(link);
	close(program);
	return 0;
}

/* ---- Static keys ---- */

static int count_switches(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CONTEXT_SWITCHES,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	uint64_t count = 0;

	if (fd < 0)
		return fail("perf_event_open");
	for (int i = 0; i < 20; i++)
		usleep(1000);
	if (read(fd, &count, sizeof(count)) != sizeof(count) || count == 0)
		return fprintf(stderr, "nothing counted\n"), 1;
	close(fd);
	return 0;
}

/* IPT_SO_GET_INFO: the first who asks for the table has it made, and its hooks registered. */
static int ask_filter_table(void)
{
	struct { char name[32]; unsigned int valid_hooks, hook_entry[5], underflow[5], num_entries, size; } info = {
		.name = "filter",
	};
	socklen_t length = sizeof(info);
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	if (fd < 0 || getsockopt(fd, IPPROTO_IP, 64, &info, &length))
		return fail("filter table");
	return 0;
}

static int stamp_packets(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, off = 0;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)))
		return fail("SO_TIMESTAMP");
	usleep(100000);
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &off, sizeof(off));
	return 0;
}

/*
 * The kernel's image as debuggers see it, from the first byte of its text to the end of what may be mapped there: at
 * least as many pages of zeros as there are gone.
 */
static int read_image(unsigned long gone)
{
	const uint64_t first = 0xffffffff80000000, last = 0xffffffffc0000000;
	unsigned long bytes = 0, zeros = 0;
	Elf64_Ehdr header;
	int file = open("/proc/kcore", O_RDONLY);

	if (file < 0 || pread(file, &header, sizeof(header), 0) != sizeof(header))
		return fail("/proc/kcore");
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr part;

		if (pread(file, &part, sizeof(part), header.e_phoff + i * sizeof(part)) != sizeof(part))
			return fail("its headers");
		if (part.p_type != PT_LOAD || part.p_vaddr < first || part.p_vaddr >= last)
			continue;
		for (uint64_t at = 0; at < part.p_filesz; at += sizeof(chunk)) {
			size_t size = part.p_filesz - at < sizeof(chunk) ? part.p_filesz - at : sizeof(chunk);
			ssize_t got = pread(file, chunk, size, part.p_offset + at);

			if (got != (ssize_t)size)
				return fail("the image");
			for (size_t page = 0; page + 4096 <= size; page += 4096) {
				size_t word = 0;

				while (word < 512 && !chunk[page / 8 + word])
					word++;
				zeros += word == 512;
			}
			bytes += size;
		}
	}
	if (bytes < 4 * MIB) {
		fprintf(stderr, "%lu bytes of the image\n", bytes);
		return 1;
	}
	printf("%lu MiB, %lu pages of zeros\n", bytes / MIB, zeros);
	return zeros < gone;
}

static unsigned long files, refused, bytes;

static void wake(int signal)
{
	(void)signal;
}

/* Up to a megabyte of a file, or what there is within two seconds: some wait for what never comes. */
static int read_file(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	ssize_t length;
	size_t total = 0;
	int file;

	(void)where;
	if (kind != FTW_F || !(status->st_mode & 0444))
		return 0;
	alarm(2);
	file = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	if (file < 0) {
		alarm(0);
		refused++;
		return 0;
	}
	while (total < MIB && (length = read(file, chunk, sizeof(chunk))) > 0)
		total += length;
	close(file);
	alarm(0);
	files++;
	bytes += total;
	return 0;
}

static int read_files(char **folders)
{
	struct sigaction action = { .sa_handler = wake };

	/* Without SA_RESTART, so that a read ends. */
	sigaction(SIGALRM, &action, NULL);
	for (; *folders; folders++) {
		if (nftw(*folders, read_file, 64, FTW_PHYS) < 0)
			return fail(*folders);
	}
	printf("%lu files, %lu KiB, %lu not opened\n", files, bytes / 1024, refused);
	return files > 1000 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "tmpfs"))
		return fill_tmpfs();
	if (!strcmp(what, "anonymous"))
		return fill_anonymous();
	if (!strcmp(what, "slab"))
		return fill_slab();
	if (!strcmp(what, "fentry") && argc > 2)
		return attach_fentry(argv[2]);
	if (!strcmp(what, "perf"))
		return count_switches();
	if (!strcmp(what, "filter"))
		return ask_filter_table();
	if (!strcmp(what, "stamp"))
		return stamp_packets();
	if (!strcmp(what, "image") && argc > 2)
		return read_image(strtoul(argv[2], NULL, 10));
	if (!strcmp(what, "files") && argc > 2)
		return read_files(argv + 2);
	if (!strcmp(what, "vmcore") && argc > 2)
		return read_vmcore(argv[2]);
	if (!strcmp(what, "device") && argc > 4)
		return take_device(argv[2], argv[3], atoi(argv[4]));
	if (!strcmp(what, "machine"))
		return run_machine();
	fprintf(stderr, "unknown: %s\n", what);
	return 64;
}
