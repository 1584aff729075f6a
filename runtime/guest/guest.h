// SPDX-License-Identifier: Apache-2.0
/* Shared by the parts of the guest's program. */
#ifndef GUEST_H
#define GUEST_H

#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096ul
#define MIB (1ul << 20)
#define MAX_CPUS 64u

/* words.c */
extern int out; /* /dev/kmsg */
extern unsigned int cpus; /* at most MAX_CPUS */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void power_off(const char *result) __attribute__((noreturn));
int read_text(const char *path, char *text, size_t size);
int write_text(const char *path, const char *text);
void mount_on(const char *type, const char *path, const char *options);
void use_cpu(unsigned int cpu);
unsigned long free_bytes(void);

/* shows.c: what the kernel shows */
void say_memory(void);
void say_log(void);
void say_sysfs(void);

/* code.c: which pages of the kernel's text somebody uses, by bits of /proc/kpageflags (admin-guide/mm/pagemap.rst) */
#define KPF_SLAB (1ull << 7)
#define KPF_RESERVED (1ull << 32)
#define KPF_SWAPBACKED (1ull << 14) /* tmpfs and anonymous memory */
void find_kernel_code(void);
void say_code_pages(const char *key, uint64_t flag);
void say_code_pages_used(void);

/* fill.c: using all memory */
void settle(void);
void fill_memory(void);

/* plant.c: words that jettison=audit is to find */
void plant(uint64_t word);

#endif
