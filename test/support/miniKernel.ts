// SPDX-License-Identifier: Apache-2.0
/**
 * A program in the shape of a kernel, linked as kbuild links one: an archive, `vmlinux.o`, `vmlinux`. It has a
 * component with a helper of its own, a gate, data, strings, init code, padding, and a component that is refused.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { kernelFlags, sectionFlags, temporaryFolder } from "./compile.js";
import { compileArchive, objectArguments, runLinker } from "./kernelShaped.js";

const sources: Readonly<Record<string, string>> = {
  "drivers/gadget/gadget.c": `
    int helper(int x);
    const char *gadget_names[] = { "a gadget", "another gadget" };
    int gadget_in_use;
    static int local_work(int x) { return gadget_in_use + helper(x) * 2; }
    int gadget_work(int x) { asm volatile(".skip 5000, 0x90"); return local_work(x); }
    const char *gadget_name(int x) { return gadget_names[x & 1]; }
    __attribute__((section(".init.text"))) void gadget_init(void) { gadget_in_use = 0; }`,
  "lib/helper.c": `
    int helper(int x) { int sum = 0; for (int i = 0; i < x; i++) sum += i * x ^ sum; return sum; }`,
  "drivers/widget.c": `
    int widget_in_use;
    int widget_work(int x) { asm volatile(".skip 700, 0x90"); return x + widget_in_use; }`,
  "init/main.c": `
    int gadget_work(int x); const char *gadget_name(int x); int widget_work(int x);
    unsigned long jettison_gate_calls_seen;
    unsigned long jettison_shut_gate(const void *gate) { jettison_gate_calls_seen++; return -19; }
    int table[64] = { 1, 2, 3 };
    static int deeper(int x) { asm volatile("" ::: "memory"); return gadget_work(x) + table[x & 63]; }
    int deep(int x) { return deeper(x) + widget_work(x) + (gadget_name(x) != 0); }
    __attribute__((section(".ref.text"))) int start_kernel(int x) { return deep(x) + 1; }`,
  "kernel/jettison/tables.S": ".text",
};

export const manifest = `
components:
  gadget:
    title: A gadget
    code: [{ objects: drivers/gadget/* }]
    inUse: { nonZero: gadget_in_use }
    canAppear: never
    gates: { gadget_work: -ENODEV, gadget_name: null }
  widget:
    title: A widget
    code: [{ objects: drivers/widget.o }]
    inUse: { nonZero: widget_in_use }
    canAppear: never
`;

const script = `
SECTIONS
{
  . = 0xffffffff81000000;
  _text = .; _stext = .;
  .text : { *(.text .text.[_a-zA-Z0-9]*) *(.ref.text) . = ALIGN(4096); . += 8192; mark = .; QUAD(0) *(SORT_BY_NAME(.text..jettison.*)) } = 0xcccccccc
  _etext = .;
  . = ALIGN(0x10000); __start_rodata = .;
  .rodata : { *(.rodata .rodata.*) }
  __end_rodata = .;
  . = ALIGN(4096);
  .data : { *(.data .data.* .data..*) }
  . = ALIGN(4096); __init_begin = .;
  .init.text : { *(.init.text) }
  . = ALIGN(4096); __init_end = .;
  .bss : { *(.bss .bss.*) }
  . = ALIGN(4096); _end = .;
  /DISCARD/ : { *(.comment .note* .discard.*) }
}
`;

/** Builds it in a new folder and gives the folder; \`plan.json\` and \`vmlinux\` are in it. */
export function buildMiniKernel(
  changes: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
  folder = temporaryFolder(),
): string {
  const files = { ...sources, "components.yaml": manifest, "vmlinux.lds": script, ...changes };
  compileArchive(folder, files, [...kernelFlags, ...sectionFlags, "-fno-inline", ...flags]);
  const whole = ["--whole-archive", "vmlinux.o", "--no-whole-archive"];
  const final = ["-m", "elf_x86_64", "-z", "noexecstack", "-T", "vmlinux.lds", "-o", "vmlinux", ...whole];
  for (const args of [objectArguments, final]) {
    const { status, stderr } = runLinker(folder, args);
    if (status !== 0) throw new Error(stderr);
  }
  return folder;
}

/** One for all tests of a file, which only read it. */
export function useMiniKernel(
  changes: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): () => string {
  let folder = "";
  beforeAll(() => {
    folder = buildMiniKernel(changes, flags, mkdtempSync(join(tmpdir(), "jettison-test-")));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return () => folder;
}
