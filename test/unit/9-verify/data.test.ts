// SPDX-License-Identifier: Apache-2.0
/**
 * The proof finds what is wrong about constants and variables. As for text (verifyPlanted.test.ts), each case plants
 * one violation in a kernel that passes.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { mapImage } from "../../../src/9-verify/imageMap.js";
import { editObject } from "../../../src/elf/edit.js";
import { sectionHeaderSize, symbolSize } from "../../../src/elf/format.js";
import type { ElfImage } from "../../../src/elf/image.js";
import { symbolName } from "../../../src/elf/object.js";
import {
  dataProgram,
  expectClean,
  type forms,
  type Kernel,
  linkKernel,
  type Patch,
  removeKernel,
  verifyPlanted,
} from "../../support/verifyKernel.js";

let kernel: Kernel;
beforeAll(() => {
  kernel = linkKernel(dataProgram);
});
afterAll(() => removeKernel(kernel));

const everywhere = "object image finished bare";

const inText = (code: string, section = ".text") =>
  `.section ${section}, "ax"\n.globl planted\n.type planted, @function\nplanted:\n${code}\n.size planted, . - planted`;
const inSection = (section: string, flags: string, data: string) =>
  `.section ${section}, "${flags}"\n.balign 8\n.type planted, @object\nplanted:\n${data}\n.size planted, . - planted`;
const inInit = (code: string) => inText(`${code}\nret`, ".init.text");

test("the kernel has regions of all kinds, and passes before anything is planted", () => {
  expect(kernel.regions.map(({ kind }) => kind)).toEqual(["text", "text", "text", "rodata", "data", "bss"]);
  expectClean(verifyPlanted(kernel, undefined));
});

interface Case {
  readonly what: string;
  readonly assembly: string;
  readonly found?: string;
  readonly to?: RegExp;
  /** The same, aimed at something else that leaves, or left out. */
  readonly harmless?: string;
}

const cases: readonly Case[] = [
  { what: "a load", assembly: inText("mov gadget_value(%rip), %eax\nret") },
  { what: "a store of zero", assembly: inText("movl $0, gadget_zero(%rip)\nret"), to: /gadget_zero/ },
  {
    what: "a load of a constant",
    assembly: inText("mov gadget_numbers+8(%rip), %eax\nret"),
    to: /gadget_numbers/,
  },
  { what: "an indexed load", assembly: inText("mov gadget_value(,%rcx,4), %eax\nret") },
  { what: "an address", assembly: inText("lea gadget_zero(%rip), %rax\nret"), to: /gadget_zero/ },
  { what: "an address of 32 bits", assembly: inText("mov $gadget_numbers, %rax\nret"), to: /gadget_numbers/ },
  { what: "a pointer in data", assembly: inSection(".data", "aw", ".quad gadget_value") },
  {
    what: "a pointer in constants",
    assembly: inSection(".rodata", "a", ".quad gadget_numbers + 16"),
    to: /gadget_num/,
  },
  { what: "a pointer in per-CPU data", assembly: inSection(".data..percpu", "aw", ".quad gadget_value") },
  { what: "a parameter", assembly: inSection("__param", "a", ".quad gadget_value") },
  {
    what: "an export",
    assembly: inSection("___ksymtab+gadget_value", "a", ".long gadget_value - ."),
  },
  {
    what: "a section that nobody knows",
    assembly: inSection(".mystery", "aw", ".quad gadget_zero"),
    to: /gadget_z/,
  },
  // Init code
  {
    what: "init code that takes an address",
    assembly: inInit("lea gadget_value(%rip), %rax\nmov %rax, resident_value(%rip)"),
    harmless: inInit("mov gadget_value(%rip), %rax\nmov %rax, resident_value(%rip)"),
  },
  {
    what: "init code that takes an address as a number",
    assembly: inInit("movq $gadget_zero, resident_value(%rip)"),
    to: /gadget_zero/,
    harmless: inInit("movq $7, gadget_zero(%rip)"),
  },
  {
    what: "init code that reads an address",
    assembly: inInit("mov gadget_table(%rip), %rax\nmov %rax, resident_value(%rip)"),
    to: /gadget_table/,
    harmless: inInit("mov gadget_numbers + 8(%rip), %rax\ncmpl $3, gadget_numbers(%rip)"),
  },
  { what: "init data that points to it", assembly: inSection(".init.data", "aw", ".quad gadget_value") },
  // Tables that say something of code
  {
    what: "the file's name of a warning in code that stays",
    assembly: `${inText("ud2")}\n.section __bug_table, "aw"\n.long planted - ., gadget_numbers - .\n.word 1, 0`,
    to: /gadget_numbers/,
    found: everywhere,
    harmless: `${inInit("ud2")}\n.section __bug_table, "aw"\n.long planted - ., gadget_numbers - .\n.word 1, 0`,
  },
  ...["gadget_numbers - ., resident_value - .", "resident_value - ., gadget_numbers - ."].map((data) => ({
    what: `a warning in code that stays (7.3: format, file's name) ${data.startsWith("g") ? "by its format" : "by its file"}`,
    assembly: `${inText("ud2")}\n.section __bug_table, "aw"\n.long planted - ., ${data}\n.word 1, 0`,
    to: /gadget_numbers/,
    found: everywhere,
    harmless: `${inInit("ud2")}\n.section __bug_table, "aw"\n.long planted - ., ${data}\n.word 1, 0`,
  })),
  {
    what: "the file's name of a warning in code that stays, behind its format",
    assembly: `${inText("ud2")}\n.section __bug_table, "aw"\n.long planted - ., resident_value - ., gadget_numbers - .\n.word 1, 0`,
    to: /gadget_numbers/,
    found: everywhere,
    harmless: `${inInit("ud2")}\n.section __bug_table, "aw"\n.long planted - ., resident_value - ., gadget_numbers - .\n.word 1, 0`,
  },
  {
    what: "the key of a static branch in code that stays",
    assembly: `${inText("nop\nret")}\n.section __jump_table, "aw"\n.long planted - ., planted + 1 - .\n.quad gadget_value + 2 - .`,
    harmless: `.section __jump_table, "aw"\n.long gadget_work - ., gadget_work + 1 - .\n.quad gadget_value + 2 - .`,
  },
  {
    what: "the key of a static call in code that stays",
    assembly: `${inText("nop\nret")}\n.section .static_call_sites, "aw"\n.long planted - ., gadget_value + 1 - .`,
    harmless: `.section .static_call_sites, "aw"\n.long gadget_work - ., gadget_value + 1 - .`,
  },
  {
    what: "the key of a trampoline",
    assembly: `${inText("nop\nret")}\n.section .static_call_tramp_key, "a"\n.long planted - ., gadget_value - .`,
  },
  {
    what: "a table that speaks of no code",
    assembly: inSection("__bug_table", "aw", ".long resident_value - ., gadget_value - .\n.word 1, 0"),
    harmless: `${inText("ud2")}\n.section __bug_table, "aw"\n.long planted - ., resident_value - .\n.word 1, 0`,
  },
];

test.each(cases)("$what is found, with both ends", ({ assembly, found = everywhere, to, harmless }) => {
  const levels = verifyPlanted(kernel, assembly);
  for (const form of found.split(" ") as (typeof forms)[number][]) {
    const { violations } = levels[form];
    expect([form, ...violations.map(({ to }) => to)]).toHaveLength(2);
    expect(violations[0]!.from).toMatch(/planted|table|static_call|resident_value/);
    expect(violations[0]!.to).toMatch(to ?? /gadget_value/);
  }
  expectClean(verifyPlanted(kernel, harmless ?? assembly.replaceAll(/gadget_\w+/g, "resident_value")));
});

test("rows of warnings without the names of files are no longer than that", () => {
  const row = (code: string) => `.long ${code} - .\n.word 0x7fff, 0\n`;
  const rows = [row("planted"), row("planted"), row("gadget_work")].join("");
  expectClean(verifyPlanted(kernel, `${inText("ud2")}\n.section __bug_table, "aw"\n${rows}`));
});

interface PatchCase {
  readonly what: string;
  readonly patch: Patch;
  readonly found: string;
  readonly says: RegExp;
}

const images = "image finished bare";

/** Clears flags of a section of the object. */
function clearFlags(name: string, flags: bigint): Patch {
  return {
    object(object, bytes) {
      const at =
        object.headersOffset + object.sections.findIndex((one) => one.name === name) * sectionHeaderSize + 8;
      bytes.writeBigUInt64LE(bytes.readBigUInt64LE(at) & ~flags, at);
      return bytes;
    },
  };
}

const patches: readonly PatchCase[] = [
  {
    what: "variables that cannot be written",
    patch: clearFlags(".data..jettison.04", 1n),
    found: "object",
    says: /\.data\.\.jettison\.04 is no data/,
  },
  {
    what: "zeros that cannot be written",
    patch: clearFlags(".bss..jettison.05", 1n),
    found: "object",
    says: /\.bss\.\.jettison\.05 is no bss/,
  },
  {
    what: "constants that have gone somewhere else",
    patch: {
      object(object) {
        const editor = editObject(object);
        editor.renameSection(
          object.sections.findIndex(({ name }) => name === ".rodata..jettison.03"),
          ".rodata.other",
        );
        return editor.finish();
      },
    },
    found: "object",
    says: /0 sections \.rodata\.\.jettison\.03/,
  },
  {
    what: "a table that takes variables for constants",
    patch: {
      image(image, bytes) {
        const map = mapImage(image, kernel.regions);
        bytes.writeUInt32LE(1, map.offsetOf(map.addresses.get("jettison_regions")!, 1)! + 4 * 32 + 24);
      },
    },
    found: images,
    says: /takes region 04 to be no data/,
  },
  {
    what: "a guard among variables that is not filled",
    patch: {
      image(image, bytes) {
        const map = mapImage(image, kernel.regions);
        bytes[map.offsetOf(map.addresses.get("__jettison_region_04_start")!, 1)!] = 0;
      },
    },
    found: images,
    says: /region 04 has no guard bytes at its start/,
  },
  ...["the start", "the end"].map((where) => ({
    what: `zeros in the guard at ${where}`,
    patch: {
      image(image: ElfImage, bytes: Buffer) {
        const { addresses } = mapImage(image, kernel.regions);
        const [start, end, zero] = [
          "__jettison_region_05_start",
          "__jettison_region_05_end",
          "gadget_zero",
        ].map((name) => addresses.get(name)!) as [number, number, number];
        const { symbols, sections } = image;
        for (let symbol = 1; symbol < symbols.count; symbol++)
          if (symbolName(image, symbol) === "gadget_zero") {
            const at = sections[symbols.section]!.offset + symbol * symbolSize + 8;
            const to = where === "the start" ? start + 12 : end - 12 - symbols.size[symbol]!;
            bytes.writeBigInt64LE(bytes.readBigInt64LE(at) + BigInt(to - zero), at);
          }
      },
    },
    found: images,
    says: /gadget_zero lies in the guard bytes of region 05/,
  })),
  {
    what: "a pointer to constants that no relocation knows",
    patch: {
      image(image, bytes) {
        const map = mapImage(image, kernel.regions);
        const value = map.offsetOf(map.addresses.get("planted")!, 8)!;
        bytes.writeBigInt64LE(BigInt(map.addresses.get("gadget_numbers")!), value);
      },
    },
    found: images,
    says: /\(planted\) .*gadget_numbers/,
  },
];

test.each(patches)("$what is found", ({ patch, found, says }) => {
  const levels = verifyPlanted(kernel, inSection(".data", "aw", ".quad 0"), patch);
  for (const form of found.split(" ") as (typeof forms)[number][]) {
    const { violations, misplaced } = levels[form];
    const all = [...violations.map(({ from, to }) => `${from} ${to}`), ...misplaced];
    expect(all.join("\n")).toMatch(says);
  }
});
