/* SPDX-License-Identifier: Apache-2.0 */
int widget_in_use;
int widget_work(int x) { asm volatile(".skip 700, 0x90"); return x + widget_in_use; }
