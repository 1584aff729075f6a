// SPDX-License-Identifier: Apache-2.0
/**
 * The proof finds faults in bytes that are there already: a call that leads elsewhere, a symbol that moved, a table that
 * differs. Each case names the forms of the proof that must find it (test/unit/9-verify/planted.long.test.ts).
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { mapImage } from "../../../src/9-verify/imageMap.js";
import { editObject } from "../../../src/elf/edit.js";
import { relaSize, sectionType, symbolSize } from "../../../src/elf/format.js";
import { type ElfImage, signed64 } from "../../../src/elf/image.js";
import { countRelocations, type ElfObject, symbolName } from "../../../src/elf/object.js";
import { everywhere, inSection, inText, pointer } from "../../support/plantedCode.js";
import {
  type Kernel,
  linkKernel,
  type Patch,
  removeKernel,
  verifyPlanted,
} from "../../support/verifyKernel.js";

let kernel: Kernel;
beforeAll(() => {
  kernel = linkKernel();
});
afterAll(() => removeKernel(kernel));

const forms = ["object", "image", "finished", "bare"] as const;

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

/** Where the jump of a gate to the function that answers has its distance: cmpb, jne, jmp and an opcode come before. */
const answeringJump = 7 + 2 + 5 + 1;

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
    what: "a table that is called like the kernel's own",
    patch: {},
    assembly: inSection(".data", "aw", pointer)
      .replaceAll("planted", "jettison_tests")
      .replace(".globl jettison_tests", ""),
    found: everywhere,
    says: /has 2 symbols jettison_tests/,
  },
  {
    what: "code of a component that is copied over code that stays",
    patch: {},
    assembly: `${inText("1: nop\nnop\nnop\nnop\nnop\n2: ret")}
      .section .altinstructions, "a"
      .long 1b - ., gadget_work - .
      .word 0, 0
      .byte 5, 255`,
    found: everywhere,
    says: /\(gadget_work\) .*\(helper\)/,
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
    says: /regions 0[01] and 0[01] overlap/,
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
  ...[
    { what: "a gate that looks the other way", at: 7, bytes: [0x74] },
    { what: "a gate that adds to the flag", at: 1, bytes: [0x05] },
    { what: "a gate that names itself in another register", at: 7 + 2 + 5 + 2, bytes: [0x35] },
    { what: "a gate that calls on when it is shut", at: 7 + 2 + 5 + 7, bytes: [0xe8] },
  ].map(({ what, at, bytes: changed }) => ({
    what,
    patch: {
      image: (image: ElfImage, bytes: Buffer) =>
        bytes.set(changed, placeOfSymbol(image, "jettison_gate_gadget_work") + at),
    },
    found: images,
    says: /jettison_gate_gadget_work is no gate/,
  })),
  {
    what: "code that is called like a gate, and like data",
    patch: {},
    assembly: inText("jmp gadget_work")
      .replaceAll("planted", "jettison_gate_planted")
      .replace("@function", "@object"),
    found: images,
    says: /jettison_gate_planted is no gate/,
  },
  {
    what: "a gate with more behind it that nothing decodes",
    patch: {
      image(image, bytes) {
        const { symbols, sections } = image;
        for (let symbol = 1; symbol < symbols.count; symbol++)
          if (symbolName(image, symbol) === "jettison_gate_gadget_work") {
            const size = sections[symbols.section]!.offset + symbol * symbolSize + 16;
            bytes.writeBigUInt64LE(bytes.readBigUInt64LE(size) + 1n, size);
            const end =
              placeOfSymbol(image, "jettison_gate_gadget_work") + Number(bytes.readBigUInt64LE(size));
            bytes[end - 1] = 0x06;
          }
      },
    },
    found: images,
    says: /jettison_gate_gadget_work is no gate/,
  },
  {
    what: "init code in memory that stays",
    patch: { image: (image, bytes) => moveSymbol(image, bytes, "__init_begin", 4096) },
    found: images,
    says: /\(gadget_init\) .*gadget_probe/,
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
    what: "a gate without a row, in a table that says it has four thousand million",
    patch: {
      image(image, bytes) {
        const gate = BigInt(near(image).addresses.get("jettison_gate_widget_work")!);
        const row = placeOfSymbol(image, "jettison_gates");
        for (let entry = row + 8; entry < row + 4 * 32; entry += 32)
          if (bytes.readBigInt64LE(entry) === gate) bytes.writeBigInt64LE(0n, entry);
        bytes.writeUInt32LE(0xffffffff, placeOfSymbol(image, "jettison_nr_gates"));
      },
    },
    found: images,
    says: /jettison_gate_widget_work calls itself another gate/,
  },
  {
    what: "a gate that has another function answer than its row",
    patch: {
      image(image, bytes) {
        const at = placeOfSymbol(image, "jettison_gate_widget_work") + answeringJump;
        bytes.writeInt32LE(bytes.readInt32LE(at) + 4, at);
      },
    },
    found: images,
    says: /jettison_gate_widget_work does not answer as its row says/,
  },
  {
    what: "a gate that has what leaves answer",
    patch: {
      image(image, bytes) {
        const { addresses } = near(image);
        const [gate, common, gone] = ["jettison_gate_widget_work", "common", "gadget_work"].map(
          (name) => addresses.get(name)!,
        ) as [number, number, number];
        const at = placeOfSymbol(image, "jettison_gate_widget_work") + answeringJump;
        bytes.writeInt32LE(gone - (gate + answeringJump + 4), at);
        const row = placeOfSymbol(image, "jettison_gates");
        for (let answer = row + 16; answer < row + 4 * 32; answer += 32)
          if (bytes.readBigInt64LE(answer) === BigInt(common)) bytes.writeBigInt64LE(BigInt(gone), answer);
      },
    },
    found: images,
    says: /jettison_gate_widget_work has somebody answer who does not stay/,
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
        void bytes.writeUInt8(1, placeOfSymbol(image, "jettison_regions") + 2 * 32 + 20),
    },
    found: images,
    says: /takes region 02 to belong to gadget/,
  },
  {
    what: "a list of owners that has one twice",
    patch: {
      image(image, bytes) {
        const first = bytes.readUInt32LE(placeOfSymbol(image, "jettison_regions") + 2 * 32 + 16);
        bytes.writeUInt16LE(0, placeOfSymbol(image, "jettison_owners") + 2 * (first + 1));
      },
    },
    found: images,
    says: /takes region 02 to belong to gadget, gadget/,
  },
  {
    what: "a table of regions that makes one everybody's",
    patch: {
      image: (image, bytes) =>
        void bytes.writeInt32LE(-1, placeOfSymbol(image, "jettison_regions") + 2 * 32 + 20),
    },
    found: images,
    says: /takes region 02 to belong to \w+, /,
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

test("claims of no region do not fit a kernel that has some", () => {
  const levels = verifyPlanted({ ...kernel, claims: { ...kernel.claims, regions: [] } }, undefined);
  for (const form of images.split(" ") as (typeof forms)[number][])
    expect(levels[form].misplaced).toContain("the kernel's table has 3 regions instead of 0");
});

test("two components of one name are not two owners", () => {
  const levels = verifyPlanted(kernel, undefined, {
    image(image, bytes) {
      const components = placeOfSymbol(image, "jettison_components");
      bytes.copy(bytes, components + 32, components, components + 8); // the name
    },
  });
  for (const form of images.split(" ") as (typeof forms)[number][])
    expect(levels[form].misplaced).toContain("the kernel takes region 02 to belong to gadget, gadget");
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
