/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the torture's helper. Each function returns 0 if it is done, and else says why not. */
#ifndef HELPER_H
#define HELPER_H

#include <stdint.h>

#define MIB (1ul << 20)
#define CHUNK (64 * 1024ul)

extern uint64_t chunk[CHUNK / 8];

int fail(const char *what);

/* dump.c */
int read_vmcore(const char *list);

/* devices.c */
int take_device(const char *path, const char *name, int type);
int run_machine(void);

#endif
