// SPDX-License-Identifier: Apache-2.0
/**
 * Code that stays addresses an array that stays from so far beside it that the number lies in a region. The kernel links;
 * what really leads there is found, at that very place and with that very number.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectBeside } from "../../../src/9-verify/beside.js";
import { mapImage } from "../../../src/9-verify/imageMap.js";
import { verifyImage } from "../../../src/9-verify/verifyImage.js";
import { relaSize, sectionType } from "../../../src/elf/format.js";
import { type ElfImage, readImage, signed64 } from "../../../src/elf/image.js";
import { countRelocations, type ElfObject, readObject, symbolName } from "../../../src/elf/object.js";
import { relocationType } from "../../../src/x86/x86.js";
import { inText } from "../../support/plantedCode.js";
import {
  dataProgram,
  type Kernel,
  type Levels,
  linkKernel,
  type Patch,
  removeKernel,
  verifyPlanted,
} from "../../support/verifyKernel.js";

/** Zeros that stay lie right behind those that leave, which have a page. */
const program = {
  ...dataProgram,
  "core.c": `${dataProgram["core.c"]}
    __attribute__((used)) static long hidden[8];
    long spread[8];
    long far_hidden(long i) { asm("mov hidden - 3120(,%0,8), %0" : "+r"(i)); return i; }
    long far_spread(long i) { asm("mov spread - 3120(,%0,8), %0" : "+r"(i)); return i; }
    long *far_pointer = &spread[-390];
    long *far_load(void) { long *p; asm("lea spread - 3120(%%rip), %0" : "=r"(p)); return p; }
    void far_compare(void) { asm("cmpl $0x12345678, spread - 3120(%rip)"); }`,
};

let kernel: Kernel;
beforeAll(() => {
  kernel = linkKernel(program);
});
afterAll(() => removeKernel(kernel));

const forms = ["object", "image", "finished", "bare"] as const;
const found = (levels: Levels) =>
  Object.fromEntries(forms.map((form) => [form, levels[form].violations.map(({ from }) => from)]));

const linked = () => readImage("vmlinux", readFileSync(join(kernel.folder, "vmlinux")));

test("numbers far beside what stays may lie in a region", () => {
  const levels = verifyPlanted(kernel, undefined);
  expect(found(levels)).toEqual({ object: [], image: [], finished: [], bare: [] });
  for (const form of ["image", "finished", "bare"] as const)
    expect([form, levels[form].harmless["beside what stays"]]).toEqual([form, 5]);
  // By the luck of layout: without what vmlinux.o says they would be violations.
  const { violations } = verifyImage(linked(), kernel.claims);
  expect(violations.map(({ from }) => /\((\w+)\)/.exec(from)?.[1]).sort()).toEqual([
    "far_compare",
    "far_hidden",
    "far_load",
    "far_pointer",
    "far_spread",
  ]);
});

/** Where a relocation of `vmlinux.o` is whose field lies in a function or variable. */
function findRelocation(object: ElfObject, name: string, type: number): number {
  const { symbols } = object;
  const symbol = findSymbol(object, name);
  for (const rela of object.sections) {
    if (rela.type !== sectionType.rela || rela.info !== symbols.sectionIndex[symbol]) continue;
    for (let entry = 0; entry < countRelocations(object, rela); entry++) {
      const at = rela.offset + entry * relaSize;
      const behind = signed64(object.view, at) - symbols.value[symbol]!;
      if (behind >= 0 && behind < symbols.size[symbol]! && object.view.getUint32(at + 8, true) === type)
        return at;
    }
  }
  throw new Error(`${name} has no such relocation`);
}

function findSymbol(object: ElfObject, name: string): number {
  for (let symbol = 1; symbol < object.symbols.count; symbol++)
    if (symbolName(object, symbol) === name) return symbol;
  throw new Error(`there is no ${name}`);
}

const addressOf = (image: ElfImage, name: string) => image.symbolAddress[findSymbol(image, name)]!;

const cases = [
  ["far_hidden", "hidden", relocationType.r32s],
  ["far_spread", "spread", relocationType.r32s],
  ["far_pointer", "spread", relocationType.r64],
  ["far_load", "spread", relocationType.pc32],
  ["far_compare", "spread", relocationType.pc32],
] as const;

test.each(cases)("%s is found where the same number is an address of what leaves", (name, array, type) => {
  const image = linked();
  const distance = addressOf(image, array) - 3120 - addressOf(image, "gadget_zero");
  expect(distance).toBeGreaterThan(-4096);
  const patch: Patch = {
    object(object, bytes) {
      const at = findRelocation(object, name, type);
      const behind = name === "far_compare" ? 8 : type === relocationType.pc32 ? 4 : 0;
      bytes.writeUInt32LE(findSymbol(object, "gadget_zero"), at + 12);
      bytes.writeBigInt64LE(BigInt(distance - behind), at + 16);
      return bytes;
    },
  };
  const one = [expect.stringContaining(`(${name})`)];
  expect(found(verifyPlanted(kernel, undefined, patch))).toEqual({
    object: one,
    image: one,
    finished: one,
    bare: one,
  });
});

test.each(cases)("%s is found where the image holds another number", (name, _, type) => {
  const patch: Patch = {
    image(image, bytes) {
      const object = readObject("vmlinux.o", readFileSync(join(kernel.folder, "vmlinux.o")));
      const at = signed64(object.view, findRelocation(object, name, type));
      const inside = at - object.symbols.value[findSymbol(object, name)]!;
      const field = mapImage(image, []).offsetOf(addressOf(image, name) + inside, 4)!;
      bytes.writeInt32LE(bytes.readInt32LE(field) + 16, field);
    },
  };
  const one = [expect.stringContaining(`(${name})`)];
  // While the linker's relocations are there, they say what an absolute field in code holds.
  const image = type === relocationType.r32s ? [] : one;
  expect(found(verifyPlanted(kernel, undefined, patch))).toEqual({
    object: [],
    image,
    finished: one,
    bare: one,
  });
});

test.each([
  ["a jump", () => inText("jmp spread - 3120")],
  [
    "what is beside code",
    () => {
      const image = linked();
      const into = addressOf(image, "__jettison_region_00_start") + 64 - addressOf(image, "resident");
      return inText(`lea resident + ${into}(%rip), %rax\nret`);
    },
  ],
  ["what is beside a name of the linker script", () => inText("lea __per_cpu_load - 3120(%rip), %rax\nret")],
  ["what is beside a number", () => inText(`movq $${addressOf(linked(), "gadget_zero")}, %rax\nret`)],
])("%s is not excused", (what, assembly) => {
  const { image, finished, bare } = verifyPlanted(kernel, assembly());
  const one = [{ from: expect.stringContaining("(planted)"), to: expect.stringContaining("of region") }];
  // A number that no relocation knows is taken for an address where nothing says which are.
  const known = what === "what is beside a number" ? [] : one;
  expect([image.violations, finished.violations, bare.violations]).toEqual([known, known, one]);
});

test("an object of which it is not known where its sections lie excuses nothing", () => {
  const object = readObject("vmlinux.o", readFileSync(join(kernel.folder, "vmlinux.o")));
  const beside = collectBeside(object, kernel.regions);
  const count = (marks: typeof beside.marks) =>
    verifyImage(linked(), kernel.claims, undefined, { ...beside, marks }).violations.length;
  const change = (by: (name: string, value: number) => number) =>
    new Map(
      [...beside.marks].map(([section, known]) => [
        section,
        known.map(({ name, value }) => ({ name, value: by(name, value) })),
      ]),
    );
  expect(count(beside.marks)).toBe(0);
  expect(count(new Map())).toBe(5);
  expect(count(change((_, value) => value + 8))).toBe(5);
  // Two names of the code's section that disagree: only the pointer in data is left.
  expect(count(change((name, value) => (name === "resident" ? value + 8 : value)))).toBe(4);
});
