/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/mman.h>
#include "gadget.h"
extern unsigned char jettison_region_shut[];
extern unsigned long jettison_gate_calls[];
extern unsigned int jettison_nr_gates;
extern char __jettison_region_00_start[], __jettison_region_00_end[];
struct gate { const char *name; void *entry; long answer; unsigned region, flags; };
extern const struct gate jettison_gates[];
unsigned long jettison_shut_gate(const struct gate *gate)
{
  jettison_gate_calls[gate - jettison_gates]++;
  return gate->answer;
}
static void show(const char *when)
{
  gadget_note(1);
  printf("%s: work %d, through a table %d, same address %d, name %s\n", when, gadget_work(4),
         gadget_ops.work(4), gadget_pointer() == gadget_work, gadget_name() ? gadget_name() : "none");
}
int main(void)
{
  show("open");
  jettison_region_shut[0] = 1;
  if (mprotect(__jettison_region_00_start, __jettison_region_00_end - __jettison_region_00_start, PROT_NONE))
    return 1;
  show("shut");
  unsigned long calls = 0;
  for (unsigned i = 0; i < jettison_nr_gates; i++)
    calls += jettison_gate_calls[i];
  printf("%u gates, %lu calls, %ld bytes\n", jettison_nr_gates, calls,
         (long)(__jettison_region_00_end - __jettison_region_00_start));
  return 0;
}
