/* SPDX-License-Identifier: Apache-2.0 */
int helper(int x);
const char *gadget_names[] = { "a gadget", "another gadget" };
int gadget_in_use;
static int local_work(int x) { return gadget_in_use + helper(x) * 2; }
int gadget_work(int x) { asm volatile(".skip 5000, 0x90"); return local_work(x); }
const char *gadget_name(int x) { return gadget_names[x & 1]; }
__attribute__((section(".init.text"))) void gadget_init(void) { gadget_in_use = 0; }
