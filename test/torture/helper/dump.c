// SPDX-License-Identifier: Apache-2.0
/* Reads the dump of a crashed kernel: its symbol table, what lies at some functions, and then all of it. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

static int dump;
static Elf64_Phdr *dump_parts;
static unsigned int dump_nr_parts;
static char *dump_notes;

/* Reads what the crashed kernel had at a virtual address of its image. */
static int read_dump(uint64_t address, void *to, size_t size)
{
	for (unsigned int i = 0; i < dump_nr_parts; i++) {
		const Elf64_Phdr *part = &dump_parts[i];

		if (part->p_type == PT_LOAD && address >= part->p_vaddr && address + size <= part->p_vaddr + part->p_filesz)
			return pread(dump, to, size, part->p_offset + address - part->p_vaddr) != (ssize_t)size;
	}
	errno = EFAULT;
	return 1;
}

/* A value of VMCOREINFO, which is text: `SYMBOL(_stext)=ffffffff81000000`. */
static uint64_t dump_value(const char *key)
{
	char *at = strstr(dump_notes, key);

	return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

static int open_dump(void)
{
	static const char name[] = "VMCOREINFO";
	Elf64_Ehdr header;

	dump = open("/proc/vmcore", O_RDONLY);
	if (dump < 0 || pread(dump, &header, sizeof(header), 0) != sizeof(header))
		return fail("/proc/vmcore");
	dump_nr_parts = header.e_phnum;
	dump_parts = calloc(dump_nr_parts, sizeof(*dump_parts));
	if (pread(dump, dump_parts, dump_nr_parts * sizeof(*dump_parts), header.e_phoff) < 0)
		return fail("its headers");
	for (unsigned int i = 0; i < dump_nr_parts; i++) {
		size_t size = dump_parts[i].p_filesz;
		char *notes;

		if (dump_parts[i].p_type != PT_NOTE)
			continue;
		notes = calloc(1, size + 1);
		if (pread(dump, notes, size, dump_parts[i].p_offset) != (ssize_t)size)
			return fail("its notes");
		for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= size;) {
			const Elf64_Nhdr *note = (Elf64_Nhdr *)(notes + at);
			size_t text = at + sizeof(*note) + ((note->n_namesz + 3) & ~3u);

			if (note->n_namesz == sizeof(name) && !memcmp(note + 1, name, sizeof(name)))
				dump_notes = strndup(notes + text, note->n_descsz);
			at = text + ((note->n_descsz + 3) & ~3u);
		}
	}
	if (!dump_notes)
		return fprintf(stderr, "it has no VMCOREINFO\n"), 1;
	return 0;
}

/* The names and addresses that a list has: do the tables in the dump agree, and can what is there be read? */
static int resolve_in_dump(const char *list)
{
	enum { most = 64, names_size = 8 << 20, tokens_size = 256 * 64 };
	static struct { uint64_t address; char name[128]; int found; } wanted[most];
	static unsigned char names[names_size];
	static char tokens[tokens_size];
	static uint16_t index[256];
	unsigned int nr_wanted = 0, nr_symbols, missing = 0;
	uint64_t base, offset, code[2];
	FILE *file = fopen(list, "r");
	size_t at = 0, size;
	int32_t *offsets;

	if (!file)
		return fail(list);
	while (nr_wanted < most &&
	       fscanf(file, "%lx %127s", &wanted[nr_wanted].address, wanted[nr_wanted].name) == 2)
		nr_wanted++;
	offset = dump_value("KERNELOFFSET=");
	if (read_dump(dump_value("SYMBOL(kallsyms_num_syms)="), &nr_symbols, sizeof(nr_symbols)) ||
	    read_dump(dump_value("SYMBOL(kallsyms_relative_base)="), &base, sizeof(base)) ||
	    read_dump(dump_value("SYMBOL(kallsyms_token_table)="), tokens, sizeof(tokens)) ||
	    read_dump(dump_value("SYMBOL(kallsyms_token_index)="), index, sizeof(index)))
		return fail("its symbol table");
	offsets = calloc(nr_symbols, sizeof(*offsets));
	if (read_dump(dump_value("SYMBOL(kallsyms_offsets)="), offsets, nr_symbols * sizeof(*offsets)))
		return fail("its addresses");
	for (size = sizeof(names); read_dump(dump_value("SYMBOL(kallsyms_names)="), names, size); size /= 2)
		if (size < 4096)
			return fail("its names");
	for (unsigned int i = 0; i < nr_symbols; i++) {
		/* As kallsyms_expand_symbol() and kallsyms_sym_address() do it, with per-CPU symbols absolute. */
		uint64_t address = offsets[i] >= 0 ? (uint64_t)offsets[i] : base - 1 - offsets[i];
		size_t length = names[at++], used = 0;
		char name[512];

		if (length & 0x80)
			length = (length & 0x7f) | names[at++] << 7;
		for (; length; length--)
			for (const char *c = tokens + index[names[at++]]; *c && used < sizeof(name) - 1; c++)
				name[used++] = *c;
		name[used] = 0;
		for (unsigned int j = 0; j < nr_wanted; j++)
			if (!strcmp(name + 1, wanted[j].name) && address == wanted[j].address + offset)
				wanted[j].found = !read_dump(address, code, sizeof(code));
	}
	for (unsigned int j = 0; j < nr_wanted; j++)
		if (!wanted[j].found) {
			missing++;
			fprintf(stderr, "%s does not resolve, or cannot be read\n", wanted[j].name);
		}
	printf("%u of %u names resolve, ", nr_wanted - missing, nr_wanted);
	return nr_wanted < 2 || missing;
}

int read_vmcore(const char *list)
{
	uint64_t bytes = 0;
	ssize_t got;

	if (open_dump() || resolve_in_dump(list))
		return 1;
	while ((got = read(dump, chunk, sizeof(chunk))) > 0)
		bytes += got;
	if (got < 0)
		return fail("to its end");
	printf("%lu MiB read\n", bytes / MIB);
	return 0;
}
