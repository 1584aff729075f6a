/* SPDX-License-Identifier: Apache-2.0 */
#include "gadget.h"
static int uses;
static int local_work(int x) { uses++; return x * 2; }
struct ops gadget_ops = { local_work, gadget_name };
int gadget_work(int x) { uses++; asm volatile(".skip 600, 0x90"); return gadget_ops.work(x) + helper(x); }
const char *gadget_name(void) { return "gadget"; }
void gadget_note(int x) { uses += x; }
work_t gadget_pointer(void) { return gadget_work; }
int gadget_in_use;
static __attribute__((constructor, section(".init.text"))) void gadget_init(void) { gadget_note(0); }
