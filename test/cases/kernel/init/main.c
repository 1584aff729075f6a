/* SPDX-License-Identifier: Apache-2.0 */
int gadget_work(int x); const char *gadget_name(int x); int widget_work(int x);
unsigned long jettison_gate_calls_seen;
unsigned long jettison_shut_gate(const void *gate) { jettison_gate_calls_seen++; return -19; }
int table[64] = { 1, 2, 3 };
static int deeper(int x) { asm volatile("" ::: "memory"); return gadget_work(x) + table[x & 63]; }
int deep(int x) { return deeper(x) + widget_work(x) + (gadget_name(x) != 0); }
__attribute__((section(".ref.text"))) int start_kernel(int x) { return deep(x) + 1; }
