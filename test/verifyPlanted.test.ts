// SPDX-License-Identifier: Apache-2.0
/**
 * The proof finds what is wrong. Each case plants one violation in a kernel that passes, and says which of the four
 * forms of the proof must find it: in `vmlinux.o`, in the image with the linker's relocations, in a finished image
 * with `vmlinux.relocs`, and in one with nothing at all. What a form cannot see is left out of its letters.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { editObject } from "../src/elf/edit.js";
import { relaSize, sectionType, symbolSize } from "../src/elf/format.js";
import { type ElfImage, signed64 } from "../src/elf/image.js";
import { countRelocations, type ElfObject, symbolName } from "../src/elf/object.js";
import { mapImage } from "../src/verify/imageMap.js";
import { command, writeFiles } from "./compile.js";
import { runLinker } from "./kernelShaped.js";
import {
  finalArguments,
  finalInputs,
  type Kernel,
  type Levels,
  linkKernel,
  type Patch,
  removeKernel,
  verifyPlanted,
} from "./verifyKernel.js";

let kernel: Kernel;
beforeAll(() => {
  kernel = linkKernel();
});
afterAll(() => removeKernel(kernel));

const everywhere = "object image finished bare";
/** A field that is PC-relative in data leaves no trace in a finished image. */
const whileLinking = "object image";

const inText = (code: string) =>
  `.text\n.globl planted\n.type planted, @function\nplanted:\n${code}\n.size planted, . - planted`;
const inSection = (section: string, flags: string, data: string) =>
  `.section ${section}, "${flags}"\n.balign 8\n.type planted, @object\nplanted:\n${data}\n.size planted, . - planted`;
const pointer = ".quad gadget_work";
const relative = ".long gadget_work - .";

interface Case {
  readonly what: string;
  readonly assembly: string;
  /** Which forms of the proof find it. */
  readonly found?: string;
  /** What both ends are called, where it is not `planted` and `gadget_work`. */
  readonly from?: RegExp;
  readonly to?: RegExp;
}

const cases: readonly Case[] = [
  // Code
  { what: "a call", assembly: inText("call gadget_work\nret") },
  { what: "a tail jump", assembly: inText("jmp gadget_work") },
  { what: "a conditional jump", assembly: inText("test %eax, %eax\nje gadget_work\nret") },
  { what: "the fallback of a transaction", assembly: inText("xbegin gadget_work\nret") },
  { what: "a call into the middle of a function", assembly: inText("call gadget_work + 5\nret") },
  {
    what: "a jump just before a function",
    assembly: inText("jmp gadget_work - 1"),
    to: /jettison\.00|region 00/,
  },
  { what: "an address, PC-relative", assembly: inText("lea gadget_work(%rip), %rax\nret") },
  { what: "an address, 32 bits", assembly: inText("mov $gadget_work, %rax\nret") },
  { what: "an address, 64 bits", assembly: inText("movabs $gadget_work, %rax\nret") },
  { what: "an address on the stack", assembly: inText("push $gadget_work\nret") },
  { what: "an address stored in memory", assembly: inText("movq $gadget_work, resident_value(%rip)\nret") },
  { what: "a load, PC-relative", assembly: inText("mov gadget_work(%rip), %eax\nret") },
  { what: "a load, absolute", assembly: inText("mov gadget_work, %eax\nret") },
  { what: "a load from the accumulator's address", assembly: inText("movabs gadget_work, %eax\nret") },
  { what: "an index into code", assembly: inText("mov gadget_work(,%rcx,8), %eax\nret") },
  { what: "a comparison with a trailing immediate", assembly: inText("cmpl $7, gadget_work(%rip)\nret") },
  { what: "an indirect call through code", assembly: inText("call *gadget_work(%rip)\nret") },
  {
    what: "an address outside of the function that it means",
    assembly: inText("lea gadget_work - 4000(%rip), %rax\nret"),
    found: whileLinking,
  },
  {
    what: "a call from code that may call nothing",
    assembly: inText("call gadget_work\nret").replace(".text", '.section .noinstr.text, "ax"'),
  },
  {
    what: "a call of a gate from code that may call nothing",
    assembly: inText("call jettison_gate_gadget_work\nret").replace(".text", '.section .noinstr.text, "ax"'),
    found: "object",
  },
  {
    what: "a call from an entry",
    assembly: inText("call gadget_work\nret").replace(".text", '.section .entry.text, "ax"'),
  },
  {
    what: "a call from what may refer to init code",
    assembly: inText("call gadget_work\nret").replace(".text", '.section .ref.text, "ax"'),
  },
  {
    what: "init code that stores an address",
    assembly: inText("lea gadget_work(%rip), %rax\nmov %rax, resident_value(%rip)\nret").replace(
      ".text",
      '.section .init.text, "ax"',
    ),
  },
  {
    what: "init code that stores an address as a number",
    assembly: inText("movq $gadget_work, resident_value(%rip)\nret").replace(
      ".text",
      '.section .init.text, "ax"',
    ),
  },
  {
    what: "an instruction that a replacement brings in",
    assembly: `${inText("1: nop\nnop\nnop\nnop\nnop\n2: ret")}
      .section .altinstructions, "a"
      .long 1b - ., 3f - .
      .word 0, 0
      .byte 5, 5
      .section .altinstr_replacement, "ax"
      3: call gadget_work`,
    from: /altinstr_replacement/,
  },
  {
    what: "a place that an exception goes on at",
    assembly: `${inText("1: nop\nret")}
      .section __ex_table, "a"
      .long 1b - ., gadget_work - ., 0`,
    from: /__ex_table|planted/,
  },
  {
    what: "a place that a static branch jumps to",
    assembly: `${inText("1: nop\nret")}
      .section __jump_table, "aw"
      .long 1b - ., gadget_work - .
      .quad resident_value - .`,
    from: /__jump_table|planted/,
  },
  // Data
  { what: "a pointer in data", assembly: inSection(".data", "aw", pointer) },
  { what: "a pointer in constants", assembly: inSection(".rodata", "a", pointer) },
  {
    what: "a pointer in what is read-only after init",
    assembly: inSection(".data..ro_after_init", "aw", pointer),
  },
  { what: "a pointer in what is mostly read", assembly: inSection(".data..read_mostly", "aw", pointer) },
  { what: "a pointer in data that may refer to init code", assembly: inSection(".ref.data", "aw", pointer) },
  {
    what: "a pointer that is not aligned",
    assembly: inSection(".data", "aw", `.byte 0\n${pointer}`),
    found: "object image finished",
  },
  { what: "a pointer in per-CPU data", assembly: inSection(".data..percpu", "aw", pointer) },
  { what: "a pointer in init data", assembly: inSection(".init.data", "aw", pointer) },
  { what: "a pointer to the middle of a function", assembly: inSection(".data", "aw", `${pointer} + 7`) },
  { what: "a distance in data", assembly: inSection(".data", "aw", relative), found: whileLinking },
  {
    what: "a distance of 64 bits in data",
    assembly: inSection(".data", "aw", ".quad gadget_work - ."),
    found: whileLinking,
  },
  // Tables that call or hand out
  { what: "a PCI fixup", assembly: inSection(".pci_fixup_final", "a", relative), found: whileLinking },
  { what: "an initcall", assembly: inSection(".initcall6.init", "a", relative), found: whileLinking },
  {
    what: "a console initcall",
    assembly: inSection(".con_initcall.init", "a", relative),
    found: whileLinking,
  },
  { what: "a setup entry", assembly: inSection(".init.setup", "aw", pointer) },
  { what: "a tracepoint", assembly: inSection("__tracepoints", "aw", pointer) },
  {
    what: "a list of tracepoints",
    assembly: inSection("__tracepoints_ptrs", "a", relative),
    found: whileLinking,
  },
  { what: "a BPF raw tracepoint", assembly: inSection("__bpf_raw_tp_map", "aw", pointer) },
  { what: "a trace event", assembly: inSection("_ftrace_events", "aw", pointer) },
  { what: "a parameter", assembly: inSection("__param", "a", pointer) },
  { what: "an APIC driver", assembly: inSection(".apicdrivers", "aw", pointer) },
  { what: "a test suite", assembly: inSection(".kunit_test_suites", "aw", pointer) },
  {
    what: "a key of a static call",
    assembly: inSection(".static_call_tramp_key", "a", relative),
    found: whileLinking,
  },
  {
    what: "an export beside its gate",
    assembly: inSection("___ksymtab+gadget_work", "a", relative),
    found: whileLinking,
  },
  {
    what: "a GPL export beside its gate",
    assembly: inSection("___ksymtab_gpl+gadget_work", "a", relative),
    found: whileLinking,
  },
  { what: "a section that nobody knows", assembly: inSection(".mystery", "a", pointer) },
];

const forms = ["object", "image", "finished", "bare"] as const;

function expectClean(levels: Levels): void {
  for (const form of forms) {
    const { violations, misplaced } = levels[form];
    expect({ form, violations, misplaced }).toEqual({ form, violations: [], misplaced: [] });
  }
}

test("the kernel passes before anything is planted", () => {
  const levels = verifyPlanted(kernel, undefined);
  expectClean(levels);
  expect(levels.object.harmless.gate).toBe(4);
  for (const form of forms) expect(levels[form].harmless["called while booting"]).toBe(2);
});

test.each(cases)("$what is found, with both ends", ({ assembly, found = everywhere, from, to }) => {
  const levels = verifyPlanted(kernel, assembly);
  for (const form of found.split(" ") as (typeof forms)[number][]) {
    const { violations } = levels[form];
    expect([form, ...violations]).toHaveLength(2);
    expect(violations[0]!.from).toMatch(from ?? /\(planted\)$/);
    expect(violations[0]!.to).toMatch(to ?? /\.text.*gadget_work/);
  }
  // It is the target that counts: the same, aimed at what stays, is none.
  expectClean(verifyPlanted(kernel, assembly.replaceAll(/(jettison_gate_)?gadget_work/g, "resident")));
});

// What is wrong with bytes that are there already.

const near = (image: ElfImage) => mapImage(image, kernel.regions);

/** Where in the file what is called `name` stands. */
function placeOfSymbol(image: ElfImage, name: string): number {
  const map = near(image);
  return map.offsetOf(map.addresses.get(name)!, 1)!;
}

/** Gives a symbol of the image another address. */
function moveSymbol(image: ElfImage, bytes: Buffer, name: string, by: number): void {
  const { symbols, sections } = image;
  for (let symbol = 1; symbol < symbols.count; symbol++) {
    if (symbolName(image, symbol) !== name) continue;
    const at = sections[symbols.section]!.offset + symbol * symbolSize + 8;
    bytes.writeBigInt64LE(BigInt(signed64(image.view, at) + by), at);
  }
}

/** Aims the first reference from a function of a region to `from` at `to`. */
function retarget(object: ElfObject, section: string, from: string, to: string): Buffer {
  const symbolNamed = (name: string) => {
    for (let symbol = 1; symbol < object.symbols.count; symbol++)
      if (symbolName(object, symbol) === name) return symbol;
    throw new Error(`${name} is not there`);
  };
  const editor = editObject(object);
  const target = symbolNamed(to);
  const source = symbolNamed(from);
  object.sections.forEach((rela, index) => {
    if (rela.type !== sectionType.rela || object.sections[rela.info]!.name !== section) return;
    for (let entry = 0; entry < countRelocations(object, rela); entry++) {
      const at = object.sections[index]!.offset + entry * relaSize;
      if (object.view.getUint32(at + 12, true) === source) editor.retarget(at, target, -4);
    }
  });
  return editor.finish();
}

interface PatchCase {
  readonly what: string;
  readonly patch: Patch;
  readonly assembly?: string;
  readonly found: string;
  readonly says: RegExp;
}

const images = "image finished bare";

const patches: readonly PatchCase[] = [
  {
    what: "a call from one component into another",
    patch: { object: (object) => retarget(object, ".text..jettison.00", "helper", "widget_work") },
    found: everywhere,
    says: /gadget_work\) .*widget_work/,
  },
  {
    what: "a call from what both need into one of them",
    patch: { object: (object) => retarget(object, ".text..jettison.02", "common", "gadget_work") },
    found: everywhere,
    says: /helper\) .*gadget_work/,
  },
  {
    what: "a call that no relocation knows",
    patch: {
      image(image, bytes) {
        const map = near(image);
        const from = map.addresses.get("resident")!;
        const at = map.offsetOf(from, 5)!;
        bytes[at] = 0xe8;
        bytes.writeInt32LE(map.addresses.get("gadget_work")! - (from + 5), at + 1);
      },
    },
    found: images,
    says: /\(resident\) .*gadget_work/,
  },
  {
    what: "a pointer that no relocation knows",
    patch: {
      image(image, bytes) {
        const target = near(image).addresses.get("gadget_work")!;
        bytes.writeBigInt64LE(BigInt(target), placeOfSymbol(image, "planted"));
      },
    },
    assembly: inSection(".data", "aw", ".quad 0"),
    found: images,
    says: /\(planted\) .*gadget_work/,
  },
  {
    what: "code that joined a region",
    patch: {},
    assembly: inText("ret").replace(".text", '.section .text..jettison.00, "ax"'),
    found: "object", // the image has it behind the region, where nothing is freed
    says: /is not made of the 1 pages/,
  },
  {
    what: "a section of a region that is gone",
    patch: {
      object(object) {
        const editor = editObject(object);
        const section = object.sections.findIndex(({ name }) => name === ".text..jettison.01");
        editor.renameSection(section, ".text..other");
        return editor.finish();
      },
    },
    found: "object",
    says: /0 sections \.text\.\.jettison\.01/,
  },
  {
    what: "a region whose symbols are gone",
    patch: {
      image(image, bytes) {
        const at = bytes.indexOf("__jettison_region_01_start");
        bytes.write("__jettison_region_xx_start", at);
        expect(image.symbols.count).toBeGreaterThan(0);
      },
    },
    found: images,
    says: /region 01 is missing/,
  },
  {
    what: "a region that does not begin with a page",
    patch: { image: (image, bytes) => moveSymbol(image, bytes, "__jettison_region_00_start", 16) },
    found: images,
    says: /region 00 is not made of the 1 pages/,
  },
  {
    what: "a region that does not end with a page",
    patch: { image: (image, bytes) => moveSymbol(image, bytes, "__jettison_region_02_end", -16) },
    found: images,
    says: /region 02 is not made of the 1 pages/,
  },
  {
    what: "regions that overlap",
    patch: {
      image(image, bytes) {
        moveSymbol(image, bytes, "__jettison_region_01_start", -4096);
        moveSymbol(image, bytes, "__jettison_region_01_end", -4096);
      },
    },
    found: images,
    says: /regions 00 and 01 overlap/,
  },
  {
    what: "a region that is no code",
    patch: {
      image(image, bytes) {
        const map = near(image);
        const by = map.addresses.get("resident_value")! - map.addresses.get("__jettison_region_02_start")!;
        const pages = Math.floor(by / 4096) * 4096;
        moveSymbol(image, bytes, "__jettison_region_02_start", pages);
        moveSymbol(image, bytes, "__jettison_region_02_end", pages);
      },
    },
    found: images,
    says: /region 02 (lies in \.data|does not lie in one section)/,
  },
  {
    what: "a guard that is not filled",
    patch: {
      image: (image, bytes) =>
        bytes.fill(
          0x90,
          placeOfSymbol(image, "__jettison_region_00_start") + 15,
          placeOfSymbol(image, "__jettison_region_00_start") + 16,
        ),
    },
    found: images,
    says: /region 00 has no guard bytes at its start/,
  },
  {
    what: "a guard at the end that is not filled",
    patch: {
      image: (image, bytes) =>
        bytes.fill(
          0x90,
          placeOfSymbol(image, "__jettison_region_01_start") - 16,
          placeOfSymbol(image, "__jettison_region_01_start") - 15,
        ),
    },
    found: images,
    says: /region 00 has no guard bytes at its end/,
  },
  {
    what: "a gate that looks at another region",
    patch: {
      image(image, bytes) {
        const at = placeOfSymbol(image, "jettison_gate_gadget_work") + 2;
        bytes.writeInt32LE(bytes.readInt32LE(at) + 1, at);
      },
    },
    found: images,
    says: /jettison_gate_gadget_work does not look at the region/,
  },
  {
    what: "a gate that does not look",
    patch: {
      image: (image, bytes) =>
        bytes.fill(
          0x90,
          placeOfSymbol(image, "jettison_gate_gadget_work"),
          placeOfSymbol(image, "jettison_gate_gadget_work") + 9,
        ),
    },
    found: images,
    says: /jettison_gate_gadget_work is no gate/,
  },
  {
    what: "a gate that takes itself for another",
    patch: {
      image(image, bytes) {
        // cmpb, jne, jmp, and the first bytes of leaq come before
        const at = placeOfSymbol(image, "jettison_gate_gadget_work") + 7 + 2 + 5 + 3;
        bytes.writeInt32LE(bytes.readInt32LE(at) + 32, at);
      },
    },
    found: images,
    says: /jettison_gate_gadget_work calls itself another gate/,
  },
  {
    what: "a table of regions that is wrong",
    patch: {
      image(image, bytes) {
        const at = placeOfSymbol(image, "jettison_regions") + 32;
        bytes.writeBigInt64LE(bytes.readBigInt64LE(at) - 4096n, at);
      },
    },
    found: images,
    says: /takes region 01 to be somewhere else/,
  },
  {
    what: "a table of regions that gives one away",
    patch: {
      image: (image, bytes) =>
        void bytes.writeUInt8(1, placeOfSymbol(image, "jettison_regions") + 2 * 32 + 16),
    },
    found: images,
    says: /takes region 02 to belong to gadget/,
  },
  {
    what: "a table of regions that is too short",
    patch: { image: (image, bytes) => void bytes.writeUInt8(2, placeOfSymbol(image, "jettison_nr_regions")) },
    found: images,
    says: /2 regions instead of 3/,
  },
];

test.each(patches)("$what is found", ({ patch, assembly, found, says }) => {
  const levels = verifyPlanted(kernel, assembly, patch);
  for (const form of found.split(" ") as (typeof forms)[number][]) {
    const { violations, misplaced } = levels[form];
    const all = [...violations.map(({ from, to }) => `${from} ${to}`), ...misplaced];
    expect(all.join("\n")).toMatch(says);
  }
});

test.each([
  ["a pointer one past the end of what comes before", ".quad __jettison_region_00_start"],
  ["a pointer just before what comes after", ".quad __jettison_region_02_end - 8"],
])("%s is none into the region", (_, data) => {
  const { image, finished, bare } = verifyPlanted(kernel, inSection(".data", "aw", data));
  for (const { violations } of [image, finished, bare]) expect(violations).toEqual([]);
});

test.each([
  ["where a warning stands", "__bug_table", ".long gadget_work - ."],
  ["a record of the tracer", "__mcount_loc", ".quad gadget_work"],
  ["a lock prefix", ".smp_locks", ".long gadget_work - ."],
  ["a return that is patched", ".return_sites", ".long gadget_work - ."],
  ["what no probe may touch", "_kprobe_blacklist", ".quad gadget_work"],
  ["the unwinder's table", ".orc_unwind_ip", ".long gadget_work - ."],
])("%s only describes", (_, section, data) => {
  const levels = verifyPlanted(kernel, inSection(section, "a", data));
  for (const form of forms) expect(levels[form].violations).toEqual([]);
});

test("a PCI device whose numbers read as an address is none, what a quirk calls is one", () => {
  const quirk = inSection(".pci_fixup_final", "a", ".balign 16\nquirk: .quad 0, 0");
  const plant = (behind: number) =>
    verifyPlanted(kernel, quirk, {
      image(image, bytes) {
        const address = near(image).addresses.get("gadget_work")!;
        bytes.writeBigInt64LE(BigInt(address), placeOfSymbol(image, "quirk") + behind);
      },
    });
  for (const form of images.split(" ") as (typeof forms)[number][]) {
    expect(plant(0)[form].violations).toEqual([]);
    expect(plant(8)[form].violations).toHaveLength(1);
  }
});

test("the link fails when the proof does, and names both ends", () => {
  const { folder } = kernel;
  writeFiles(folder, { "stray.S": inSection(".data", "aw", pointer) });
  command(folder, "gcc", "-c", "-o", "stray.o", "stray.S");
  const { status, stderr } = runLinker(folder, finalArguments([...finalInputs, "stray.o"]));
  expect(stderr).toMatch(/\(planted\) may outlive what it refers to: .*\(gadget_work\).*reference-outlives/);
  expect(status).toBe(1);
});
