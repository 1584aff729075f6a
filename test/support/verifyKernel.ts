// SPDX-License-Identifier: Apache-2.0
/**
 * A kernel in miniature for the proof: two drivers that leave, what both of them need, and a core that stays, linked
 * by Jettison with a script in the shape of the kernel's own. Then something is planted in it.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { collectBeside } from "../../src/9-verify/beside.js";
import { type Claims, readClaims, type VerifiedRegion } from "../../src/9-verify/claims.js";
import { mapImage } from "../../src/9-verify/imageMap.js";
import type { Verification } from "../../src/9-verify/proof.js";
import { readRelocationList } from "../../src/9-verify/relocationList.js";
import { verifyImage } from "../../src/9-verify/verifyImage.js";
import { verifyObject } from "../../src/9-verify/verifyObject.js";
import { type ElfImage, findImageRelocations, readImage, readImageRelocation } from "../../src/elf/image.js";
import { type ElfObject, readObject } from "../../src/elf/object.js";
import { relocationType } from "../../src/x86/x86.js";
import { command, kernelFlags, sectionFlags } from "./compile.js";
import { compileSources, runLinker } from "./miniature.js";

const driver = (name: string) => `
  int helper(int x);
  static int uses;
  int ${name}_in_use;
  static int ${name}_local(int x) { uses++; asm volatile(".skip 600, 0x90"); return x * 2; }
  int (*${name}_ops[])(int) = { ${name}_local };
  int ${name}_work(int x) { uses++; return ${name}_ops[0](x) + helper(x) + 1; }
  int ${name}_probe(int x) { return helper(x) + x; }
  __attribute__((section(".init.text"))) int ${name}_init(void) { return ${name}_probe(1); }`;

export const program: Readonly<Record<string, string>> = {
  "drivers/gadget.c": driver("gadget"),
  "drivers/widget.c": driver("widget"),
  "lib/helper.c": `
    int common(int x);
    int helper(int x) { asm volatile(".skip 600, 0x90"); return common(x) ^ x; }`,
  "core.c": `
    int gadget_work(int), widget_work(int);
    struct gate { const char *name; void *entry; long answer; unsigned region, flags; };
    unsigned long jettison_shut_gate(const struct gate *gate) { return gate->answer; }
    int resident_value = 3;
    int common(int x) { return x + resident_value; }
    int resident(int x) { return gadget_work(x) + widget_work(x); }
    asm(".section .text.entry, \\"ax\\"; .globl startup; startup: call resident; hlt");`,
  "kernel/jettison/tables.S": ".text",
  "init/version-timestamp.c": 'const char linux_banner[] = "miniature";',
};

/** With constants, variables and zeros that are worth a region. */
export const dataProgram: Readonly<Record<string, string>> = {
  ...program,
  "drivers/gadget.c": `${driver("gadget")}
    int gadget_zero[300], gadget_value[300] = { 1, 2, 3 };
    const int gadget_numbers[300] = { 4, 5, 6 };
    int (*const gadget_table[])(int) = { gadget_local };
    const char *gadget_name(void) { return "a gadget"; }
    // Behind an address: init code compares the limit with a number, and so counts from behind that.
    static int (*gadget_hook)(int) = gadget_local;
    static int gadget_limit = 9;
    __attribute__((section(".init.text"))) void gadget_setup(void)
    { if (gadget_limit == 0x12345678) gadget_limit = 0x12345; }
    int gadget_hooked(int x) { if (x > gadget_limit) gadget_hook = 0; return gadget_hook(x); }
    int gadget_sum(int x)
    { return gadget_zero[x]++ + gadget_value[x]++ + gadget_numbers[x] + gadget_table[x](x) + gadget_name()[x]; }`,
};

export const manifest = `
components:
  gadget:
    title: A gadget
    code: [{ objects: drivers/gadget.o }]
    inUse: { nonZero: gadget_in_use }
    canAppear: never
    gates: { gadget_work: -ENODEV, gadget_local: -5, gadget_probe: 0 }
  widget:
    title: A widget
    code: [{ objects: drivers/widget.o }]
    inUse: { nonZero: widget_in_use }
    canAppear: never
    gates: { widget_work: { function: common }, widget_local: -5, widget_probe: 0 }
`;

const bounded = (section: string, label: string) => `__start${label} = .; *(${section}) __stop${label} = .;`;

/** The parts of the kernel's own script that decide where references come to lie. */
export const linkerScript = `
SECTIONS
{
  . = 0xffffffff81000000;
  .text : {
    *(.text.entry) *(.text .text.unlikely) *(.ref.text) *(.noinstr.text) *(.entry.text)
    . = ALIGN(4096);
    *(SORT_BY_NAME(.text..jettison.*))
    . = ALIGN(4096);
  } = 0xcccccccc
  . = ALIGN(4096);
  .jettison.rodata : { *(SORT_BY_NAME(.rodata..jettison.*)) . = ALIGN(4096); }
  .rodata : {
    *(.rodata) *(.rodata.*) *(.data..ro_after_init)
    . = ALIGN(8); ${bounded("__jump_table", "___jump_table")}
    ${bounded(".static_call_sites", "_static_call_sites")} ${bounded(".static_call_tramp_key", "_static_call_tramp_key")}
    ${bounded("__tracepoints_ptrs", "___tracepoints_ptrs")}
  }
  .pci_fixup : { *(.pci_fixup_final) }
  __ksymtab : { *(SORT(___ksymtab+*)) }
  __ksymtab_gpl : { *(SORT(___ksymtab_gpl+*)) }
  __param : { *(__param) }
  __ex_table : { *(__ex_table) }
  . = ALIGN(4096);
  .data : {
    *(.data) *(.ref.data) *(.data..read_mostly) *(__tracepoints) *(__bpf_raw_tp_map) *(.kunit_test_suites)
  }
  __bug_table : { *(__bug_table) }
  .orc_unwind_ip : { *(.orc_unwind_ip) }
  . = ALIGN(4096);
  .jettison.data : { *(SORT_BY_NAME(.data..jettison.*)) . = ALIGN(4096); }
  __per_cpu_load = .;
  .data..percpu 0 : AT(__per_cpu_load) { __per_cpu_start = .; QUAD(0) *(.data..percpu) }
  . = __per_cpu_load + SIZEOF(.data..percpu);
  . = ALIGN(4096);
  .init.begin : { __init_begin = .; }
  .init.text : { *(.init.text) }
  .altinstr_aux : { *(.altinstr_aux) }
  .init.data : {
    *(.init.data) *(.init.rodata) *(_ftrace_events)
    . = ALIGN(8); ${bounded("__mcount_loc", "_mcount_loc")} ${bounded("_kprobe_blacklist", "_kprobe_blacklist")}
    *(.init.setup)
    __initcall_start = .; *(.initcall6.init) __initcall_end = .;
    __con_initcall_start = .; *(.con_initcall.init) __con_initcall_end = .;
  }
  .return_sites : { *(.return_sites) }
  .altinstructions : { *(.altinstructions) }
  .altinstr_replacement : { *(.altinstr_replacement) }
  .apicdrivers : { *(.apicdrivers) }
  .exit.text : { *(.exit.text) }
  . = ALIGN(4096);
  .init.end : { __init_end = .; }
  .smp_locks : { *(.smp_locks) }
  . = ALIGN(4096);
  .bss : { *(SORT_BY_NAME(.bss..jettison.*)) *(.bss) }
  /DISCARD/ : { *(.discard.*) *(.comment) *(.note*) *(.export_symbol) }
}
`;

const script = "arch/x86/kernel/vmlinux.lds";

export function compileProgram(folder: string, files: Readonly<Record<string, string>> = program): void {
  const all = { [script]: linkerScript, "components.yaml": manifest, ...files };
  compileSources(folder, all, [...kernelFlags, ...sectionFlags, "-fno-inline"]);
}

export const archiveMembers: readonly string[] = [
  "drivers/gadget.o",
  "drivers/widget.o",
  "lib/helper.o",
  "core.o",
  "kernel/jettison/tables.o",
];
export const finalArguments = (objects: readonly string[]) => [
  ...["-z", "noexecstack", "--no-warn-rwx-segments", "--emit-relocs", "-z", "max-page-size=4096"],
  ...[`--script=./${script}`, "-o", "vmlinux", "--whole-archive", ...objects, "--no-whole-archive"],
];

/** Whose init code stores what leaves where only the driver uses it. */
export const registeringProgram: Readonly<Record<string, string>> = {
  ...program,
  "drivers/gadget.c": `${driver("gadget")}
    int (*kept)(int), (*kept_again)(int);
    static int gadget_late(int x) { return x + 3; }
    const char *kept_name;
    __attribute__((section(".init.text"))) void gadget_register(void)
    { kept = gadget_late; kept_again = gadget_late; kept_name = "a gadget with a name of its own"; }
    int gadget_filler(int x) { return x + gadget_late(x); }
    char gadget_numbers(int x) { static const char numbers[600] = { 1 }; return numbers[x]; }`,
  "components.yaml": manifest.replace(
    "canAppear: never",
    "canAppear: never\n    registers: [{ by: gadget_register, why: it runs where there is one }]",
  ),
};

export interface Kernel {
  readonly folder: string;
  readonly regions: readonly VerifiedRegion[];
  readonly claims: Claims;
}

export function linkKernel(files = program): Kernel {
  const folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
  compileProgram(folder, files);
  command(folder, "ar", "cDPrST", "vmlinux.a", ...archiveMembers);
  for (const { status, stderr } of [runLinker(folder), runLinker(folder, finalArguments(finalInputs))])
    if (status !== 0) throw new Error(stderr);
  const claims = readClaims(join(folder, ".jettison/claims.json"));
  return { folder, regions: claims.regions, claims };
}

export const finalInputs = ["vmlinux.o", "init/version-timestamp.o"];

export const removeKernel = ({ folder }: Kernel) => rmSync(folder, { recursive: true, force: true });

/** The proofs of a kernel: of the object, the image with the linker's relocations, with the kernel's, with none. */
export const forms = ["object", "image", "finished", "bare"] as const;

export type Levels = Record<(typeof forms)[number], Verification>;

export function expectClean(levels: Levels): void {
  for (const form of forms) {
    const { violations, misplaced } = levels[form];
    expect({ form, violations, misplaced }).toEqual({ form, violations: [], misplaced: [] });
  }
}

/** Changes the bytes of an object or an image before it is looked at. */
export interface Patch {
  readonly object?: (object: ElfObject, bytes: Buffer) => Buffer | undefined;
  readonly image?: (image: ElfImage, bytes: Buffer) => void;
}

/** The proof of the kernel with one more object, or with other bytes. */
export function verifyPlanted(
  { folder, claims }: Kernel,
  assembly: string | undefined,
  patch: Patch = {},
): Levels {
  const object = join(folder, "planted-vmlinux.o");
  const inputs = ["vmlinux.o"];
  if (assembly !== undefined) {
    writeFileSync(join(folder, "planted.S"), `${assembly}\n`);
    command(folder, "gcc", "-c", "-o", "planted.o", "planted.S");
    inputs.push("planted.o");
  }
  command(folder, "ld", "-r", "-z", "noexecstack", "-o", object, ...inputs);
  const read = readFileSync(object);
  const patched = patch.object?.(readObject("vmlinux.o", read), read) ?? read;
  writeFileSync(object, patched);

  const image = join(folder, "planted-vmlinux");
  const argv = finalArguments(["planted-vmlinux.o", "init/version-timestamp.o"]);
  command(folder, "ld", ...argv.map((argument) => (argument === "vmlinux" ? image : argument)));
  const linked = readFileSync(image);
  patch.image?.(readImage("vmlinux", linked), linked);
  writeFileSync(image, linked);
  const withRelocations = readImage("vmlinux", linked);
  const list = listRelocations(withRelocations);
  const stripped = `${image}.stripped`;
  command(folder, "objcopy", "--remove-section=.rela*", image, stripped);
  const load = () => readImage("vmlinux", readFileSync(stripped));
  const relocatable = readObject("vmlinux.o", patched);
  const beside = collectBeside(relocatable, claims.regions);
  return {
    object: verifyObject(relocatable, claims),
    image: verifyImage(withRelocations, claims, undefined, beside),
    finished: verifyImage(load(), claims, readRelocationList("vmlinux.relocs", list), beside),
    bare: verifyImage(load(), claims, undefined, beside),
  };
}

/** The list that arch/x86/tools/relocs makes of an image. */
export function listRelocations(image: ElfImage): Buffer {
  const wide: number[] = [];
  const narrow: number[] = [];
  const perCpu = mapImage(image, []).addresses.get("__per_cpu_load")!;
  image.sections.forEach((_, section) => {
    for (const at of findImageRelocations(image, section)) {
      const { address, type } = readImageRelocation(image, at);
      const load = image.sections[section]!.name === ".data..percpu" ? perCpu : 0;
      if (type === relocationType.r64) wide.push(load + address);
      if (type === relocationType.r32 || type === relocationType.r32s) narrow.push(load + address);
    }
  });
  const words = [0, ...wide, 0, 0, ...narrow];
  const list = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => {
    list.writeInt32LE(word, index * 4);
  });
  return list;
}
