// SPDX-License-Identifier: Apache-2.0
/** A small program that really runs: a driver that leaves, a core that calls it, in the shape of a kernel build. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../src/plan/plan.js";
import { sectionFlags, temporaryFolder } from "./compile.js";
import { compileArchive, objectArguments, runLinker } from "./kernelShaped.js";

export const program: Record<string, string> = {
  "drivers/gadget.c": `
    #include "gadget.h"
    static int uses;
    static int local_work(int x) { uses++; return x * 2; }
    struct ops gadget_ops = { local_work, gadget_name };
    int gadget_work(int x) { uses++; asm volatile(".skip 600, 0x90"); return gadget_ops.work(x) + helper(x); }
    const char *gadget_name(void) { return "gadget"; }
    void gadget_note(int x) { uses += x; }
    work_t gadget_pointer(void) { return gadget_work; }
    int gadget_in_use;
    static __attribute__((constructor, section(".init.text"))) void gadget_init(void) { gadget_note(0); }`,
  "gadget.h": `
    typedef int (*work_t)(int);
    struct ops { work_t work; const char *(*name)(void); };
    extern struct ops gadget_ops;
    int gadget_work(int x);
    const char *gadget_name(void);
    void gadget_note(int x);
    work_t gadget_pointer(void);
    int helper(int x);`,
  // Only the driver needs it: it leaves too.
  "lib/helper.c": `
    #include "gadget.h"
    int helper(int x) { int sum = 0; for (int i = 0; i < x; i++) sum += i * x ^ sum; return sum; }`,
  "core.c": `
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
      printf("%s: work %d, through a table %d, same address %d, name %s\\n", when, gadget_work(4),
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
      printf("%u gates, %lu calls, %ld bytes\\n", jettison_nr_gates, calls,
             (long)(__jettison_region_00_end - __jettison_region_00_start));
      return 0;
    }`,
  "kernel/jettison/tables.S": ".text",
};

export const manifest = `
components:
  gadget:
    title: A gadget
    code: [{ objects: drivers/gadget.o }]
    inUse: { nonZero: gadget_in_use }
    canAppear: never
    gates: { gadget_work: -ENODEV, local_work: -5, gadget_name: null, gadget_note: void, gadget_pointer: null }
`;

export const flags = ["-O2", "-fno-pie", "-fno-asynchronous-unwind-tables", "-fno-inline"];

/** Compiles the program as a kernel build would, up to the archive that goes into `vmlinux.o`. */
export function buildProgram(
  changes: Readonly<Record<string, string>> = {},
  sections = sectionFlags,
): string {
  const folder = temporaryFolder();
  compileArchive(folder, { ...program, "components.yaml": manifest, ...changes }, [...flags, ...sections]);
  return folder;
}

export const link = (folder: string, components = "components.yaml") =>
  runLinker(folder, objectArguments, components);

export const readPlan = (folder: string) =>
  JSON.parse(readFileSync(join(folder, ".jettison/plan.json"), "utf8")) as Plan;
