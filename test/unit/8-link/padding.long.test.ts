// SPDX-License-Identifier: Apache-2.0
/**
 * Padding in a kernel in miniature, whose text is laid out as the kernel's: an entry text with 2 MB of its own, a
 * thunk in the middle of these, and regions in front of it or behind.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readClaims } from "../../../src/9-verify/claims.js";
import { mapImage } from "../../../src/9-verify/imageMap.js";
import { verifyBuild } from "../../../src/9-verify/verifyBuild.js";
import { verifyImage } from "../../../src/9-verify/verifyImage.js";
import { readImage } from "../../../src/elf/image.js";
import { accountForImage } from "../../../src/plan/account.js";
import type { Plan } from "../../../src/plan/plan.js";
import { command, writeFiles } from "../../support/compile.js";
import { codesOf } from "../../support/diagnosed.js";
import { runLinker } from "../../support/miniature.js";
import {
  archiveMembers,
  compileProgram,
  finalArguments,
  finalInputs,
  linkerScript,
  manifest,
  program,
} from "../../support/verifyKernel.js";

const pageSize = 4096;
const largePage = 2 ** 21;

const layoutManifest = `${manifest}
  padding:
    title: Padding
    code: [{ padding: image }]
    inUse: never
    canAppear: never
`;

/** As in arch/x86/kernel/vmlinux.lds.S; \`bytes\` of text come before what may leave. */
const layoutScript = (bytes: number) =>
  linkerScript
    .replace(
      /\.text : \{[^}]*\}/,
      `.text : {
      _text = .;
      *(.text.entry) *(.text .text.unlikely) *(.ref.text) *(.noinstr.text)
      . = ${bytes}; resident_end = .;
      . = ALIGN(4096); __jettison_text_start = .;
      *(SORT_BY_NAME(.text..jettison.*))
      . = ALIGN(${largePage});
      __entry_text_start = .; *(.entry.text)
      . = ALIGN(${largePage}) - ${largePage / 2}; thunk = .; BYTE(0xc3)
      . = ALIGN(${largePage});
      *(SORT_BY_NAME(.text..jettison.*))
      . = ALIGN(4096); __jettison_text_end = .; _etext = .;
    }`,
    )
    .replace(/\.data : \{([^}]*)\}/, ".data : { _sdata = .; $1 _edata = .; }")
    // BSS_DECRYPTED
    .replace(
      /\.bss : \{([^}]*)\}/,
      `.bss : {
      __bss_start = .; $1
      . = ALIGN(${largePage});
      __start_bss_decrypted = .; *(.bss..decrypted)
      . = ALIGN(4096); __start_bss_decrypted_unused = .;
      . = ALIGN(${largePage}); __end_bss_decrypted = .; __bss_stop = .;
    }`,
    )
    .replace("/DISCARD/", "_end = .; /DISCARD/");

const entry = `.section .entry.text, "ax"\n.globl entry\n.type entry, @function\nentry: nop\n.size entry, . - entry
.section .bss..decrypted, "aw", @nobits\n.globl shared\n.type shared, @object\nshared: .skip 8\n.size shared, 8\n`;

function link(folder: string, bytes: number, changes: Readonly<Record<string, string>> = {}): Plan {
  compileProgram(folder, { ...program, "entry.S": entry, ...changes });
  writeFiles(folder, {
    "components.yaml": layoutManifest,
    "arch/x86/kernel/vmlinux.lds": layoutScript(bytes),
  });
  const members = [
    ...archiveMembers,
    ...["entry.S", ...Object.keys(changes)].map((name) => name.replace(/\.[cS]$/, ".o")),
  ];
  command(folder, "ar", "cDPrST", "vmlinux.a", ...new Set(members));
  for (const { status, stderr } of [runLinker(folder), runLinker(folder, finalArguments(finalInputs))])
    if (status !== 0) throw new Error(stderr);
  return JSON.parse(readFileSync(join(folder, "plan.json"), "utf8")) as Plan;
}

const readMap = (folder: string) => mapImage(readImage("vmlinux", readFileSync(join(folder, "vmlinux"))), []);
const claimsOf = (folder: string) => readClaims(join(folder, ".jettison/claims.json"));
const addressOf = (folder: string, name: string) => readMap(folder).addresses.get(name)!;
const folders: string[] = [];
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe("padding around the entry text", () => {
  let folder: string;
  let plan: Plan;
  beforeAll(() => {
    folder = newFolder();
    plan = link(folder, 0x3000);
  }, 60_000);

  test("is found, whole pages behind a guard, apart from text and regions", () => {
    const text = addressOf(folder, "_text");
    const regionsEnd = Math.max(...plan.image!.regions.map(({ offset, bytes }) => offset + bytes));
    expect(regionsEnd).toBeLessThan(largePage);
    const thunk = 1.5 * largePage;
    const shared = addressOf(folder, "__start_bss_decrypted") - text;
    const bss = plan.image!.leavingPadding.at(-1)!.offset;
    expect(bss).toBeGreaterThan(addressOf(folder, "__bss_start") - text);
    expect(bss).toBeLessThan(addressOf(folder, "__bss_start") - text + 16 * pageSize);
    expect(plan.image!.leavingPadding).toEqual(
      [
        [regionsEnd, largePage],
        [addressOf(folder, "__entry_text_start") - text + pageSize, thunk],
        [thunk + pageSize, 2 * largePage],
        [bss, shared],
      ].map(([start, end]) => ({ offset: start, bytes: end! - start! })),
    );
  });

  test("is its component's in the plan, with all of its bytes", () => {
    const { owned, leaving, state } = plan.components.find(({ name }) => name === "padding")!;
    expect(state).toBe("planned");
    expect(owned.padding).toBe(plan.image!.padding.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(leaving.padding).toBe(plan.image!.leavingPadding.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(owned.padding! - leaving.padding!).toBeLessThan(6 * pageSize);
    expect(plan.components.filter(({ hasPadding }) => hasPadding).length).toBe(1);
  });

  test("each byte of the image is accounted for, once", () => {
    const image = plan.image!;
    const rows = accountForImage(image);
    expect(rows.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(image.bytes);
    const bytesOf = (fate: string, why: string) =>
      rows.find((row) => row.fate === fate && row.why === why)?.bytes;
    const between = (from: string, to: string) => addressOf(folder, to) - addressOf(folder, from);
    expect(bytesOf("freed by the kernel", "free_initmem")).toBe(between("__init_begin", "__init_end"));
    expect(bytesOf("leaves", "regions")).toBe(
      plan.regions.reduce((sum, { pages }) => sum + pages * pageSize, 0),
    );
    expect(bytesOf("leaves", "padding")).toBe(
      image.leavingPadding.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    expect(rows.filter(({ fate }) => fate === "hole that stays").map(({ why }) => why)).toContain(
      "no whole page",
    );
    // No two ranges that are counted overlap.
    const ranges = [...image.kernelFrees, ...image.regions, ...image.padding].sort(
      (a, b) => a.offset - b.offset,
    );
    ranges.forEach(({ offset }, index) => {
      const before = ranges[index - 1];
      if (before !== undefined) expect(offset).toBeGreaterThanOrEqual(before.offset + before.bytes);
    });
  });

  test("is proved with the build", () => {
    const { image } = verifyBuild(folder);
    expect([image.violations, image.misplaced]).toEqual([[], []]);
  });

  const planted: readonly (readonly [
    string,
    (word: (name: string, at?: number) => number, bytes: Buffer) => void,
    RegExp,
  ])[] = [
    [
      "a row that is no padding",
      (word, bytes) => bytes.writeUInt32LE(0, word("jettison_padding")),
      /that may leave|text, data or bss/,
    ],
    [
      "a row with a page of a region",
      (word, bytes) => bytes.writeUInt32LE(3, word("jettison_padding")),
      /overlaps region|is no padding/,
    ],
    [
      "a row of no pages",
      (word, bytes) => bytes.writeUInt32LE(0, word("jettison_padding", 4)),
      /whole pages/,
    ],
    [
      "a row that is too long",
      (word, bytes) => bytes.writeUInt32LE(5000, word("jettison_padding", 4)),
      /that may leave/,
    ],
    [
      "a row that holds the thunk",
      (word, bytes) => bytes.writeUInt32LE(500, word("jettison_padding", 12)),
      /is no padding/,
    ],
    [
      "rows in disorder",
      (word, bytes) => {
        const [first, second] = [word("jettison_padding"), word("jettison_padding", 8)];
        const row = Buffer.from(bytes.subarray(first, first + 8));
        bytes.copy(bytes, first, second, second + 8);
        row.copy(bytes, second);
      },
      /does not come after/,
    ],
    [
      "a row that the link does not know of",
      (word, bytes) => bytes.writeUInt32LE(2, word("jettison_nr_padding")),
      /other padding than the link has found/,
    ],
    [
      "a row with the object before a hole in bss",
      (word, bytes) => bytes.writeUInt32LE(pageOf("__bss_start"), word("jettison_padding", 24)),
      /lies in the padding|may belong/,
    ],
    [
      "a row with what the kernel frees behind what is shared",
      (word, bytes) => {
        bytes.writeUInt32LE(pageOf("__start_bss_decrypted_unused") + 4, word("jettison_padding", 24));
        bytes.writeUInt32LE(16, word("jettison_padding", 28));
      },
      /may belong to what lies before it/,
    ],
    [
      "a row outside of text, data and bss",
      (word, bytes) => {
        bytes.writeUInt32LE(pageOf("__init_begin"), word("jettison_padding", 24));
        bytes.writeUInt32LE(1, word("jettison_padding", 28));
      },
      /does not lie in text, data or bss/,
    ],
    ["too many rows", (word, bytes) => bytes.writeUInt32LE(33, word("jettison_nr_padding")), /more than 32/],
    [
      "a byte that is something else",
      (word, bytes) => bytes.writeUInt8(0x90, word("__entry_text_start", 2 * pageSize + 77)),
      /is no padding/,
    ],
  ];
  test.each(planted)("%s does not pass", (_, plant, message) => {
    const bytes = readFileSync(join(folder, "vmlinux"));
    const map = readMap(folder);
    plant((name, at = 0) => map.offsetOf(map.addresses.get(name)! + at, 4)!, bytes);
    const { misplaced } = verifyImage(readImage("vmlinux", bytes), claimsOf(folder));
    expect(misplaced.join("\n")).toMatch(message);
  });

  const pageOf = (name: string) =>
    Math.floor((addressOf(folder, name) - addressOf(folder, "_text")) / pageSize);

  test.each([
    [
      "a pointer",
      "gadget_ops",
      (target: number, bytes: Buffer, at: number) => bytes.writeBigInt64LE(BigInt(target), at),
    ],
    [
      "a call",
      "resident_end",
      (target: number, bytes: Buffer, at: number) => {
        bytes.writeUInt8(0xe8, at);
        bytes.writeInt32LE(target - (addressOf(folder, "resident_end") - 16 + 5), at + 1);
      },
    ],
  ] as const)("%s into it does not pass, be it to its second byte or its last but one", (_, place, plant) => {
    const map = readMap(folder);
    const { start, end } = map.padding[1]!;
    for (const target of [start + 5000, start + 1, end - 2]) {
      const bytes = readFileSync(join(folder, "vmlinux"));
      const at = map.offsetOf(map.addresses.get(place)! - (place === "resident_end" ? 16 : 0), 8)!;
      plant(target, bytes, at);
      const { violations } = verifyImage(readImage("vmlinux", bytes), claimsOf(folder));
      expect(violations.map(({ to }) => to)).toEqual([expect.stringContaining("of the padding")]);
    }
  });

  test("a table that does not hold in vmlinux fails the build's proof", () => {
    const copy = newFolder();
    command(copy, "cp", "-a", `${folder}/.`, ".");
    const bytes = readFileSync(join(copy, "vmlinux"));
    const map = readMap(copy);
    bytes.writeUInt32LE(1, map.offsetOf(map.addresses.get("jettison_padding")!, 4)!);
    writeFileSync(join(copy, "vmlinux"), bytes);
    expect(codesOf(() => verifyBuild(copy))).toContain("region-misplaced");
  });
});

test("a page that something refers to stays", () => {
  const folder = newFolder();
  const plan = link(folder, 0x3000, {
    "pointer.S": ".data\n.globl pointer\npointer: .quad _text + 0x300000 - 0x8000",
  });
  const referred = 0x300000 - 0x8000;
  const around = plan.image!.leavingPadding.filter(
    ({ offset, bytes }) => offset + bytes === referred || offset === referred + pageSize,
  );
  expect(around.length).toBe(2);
}, 60_000);

describe("holes in data and bss", () => {
  const holesOf = (folder: string, plan: Plan) => {
    const data = addressOf(folder, "_sdata") - addressOf(folder, "_text");
    return plan.image!.leavingPadding.filter(({ offset }) => offset >= data);
  };
  test.each([
    [15, []],
    [16, [16]],
  ])(
    "a hole of %i pages between two variables: pieces of %j pages leave",
    (pages, leaving) => {
      const folder = newFolder();
      const sized = (name: string) =>
        `.globl ${name}\n.type ${name}, @object\n${name}: .long 7\n.size ${name}, 4\n`;
      const plan = link(folder, 0x3000, {
        "holey.S": `.data\n.balign 4096\n${sized("before")}.skip ${(pages + 1) * pageSize - 4}\n${sized("behind")}`,
      });
      const end = addressOf(folder, "behind") - addressOf(folder, "_text");
      const found = holesOf(folder, plan).filter(({ offset, bytes }) => offset + bytes === end);
      expect(found.map(({ bytes }) => bytes / pageSize)).toEqual(leaving);
      const { image } = verifyBuild(folder);
      expect([image.violations, image.misplaced]).toEqual([[], []]);
    },
    60_000,
  );

  test("zeros that a label without a size begins stay", () => {
    const folder = newFolder();
    const table = `.bss\n.balign 4096\n.globl table\ntable: .skip ${100 * pageSize}`;
    const plan = link(folder, 0x3000, { "table.S": table });
    expect(addressOf(folder, "table")).toBeGreaterThan(addressOf(folder, "__bss_start"));
    expect(holesOf(folder, plan)).toEqual([]);
  }, 60_000);

  test("a page of bss that something refers to stays", () => {
    const folder = newFolder();
    const pages = 100;
    const pointer = `.data\n.globl pointer\npointer: .quad __start_bss_decrypted - ${pages * pageSize} + 100`;
    const plan = link(folder, 0x3000, { "pointer.S": pointer });
    const end = addressOf(folder, "__start_bss_decrypted") - addressOf(folder, "_text");
    const [before, behind] = holesOf(folder, plan);
    expect(behind).toEqual({ offset: end - (pages - 1) * pageSize, bytes: (pages - 1) * pageSize });
    expect(before!.offset + before!.bytes).toBe(end - pages * pageSize);
  }, 60_000);
});

test("so does one to whose last byte but one something refers, but not one whose bounds alone are referred to", () => {
  const [start, end] = [0x201000, 0x300000];
  const folder = newFolder();
  const plan = link(folder, 0x3000, {
    "pointer.S": `.data\n.globl pointer\npointer: .quad _text + ${start}, _text + ${end - 2}, _text + ${0x200000 - 1}`,
  });
  expect(plan.image!.leavingPadding).toContainEqual({ offset: start, bytes: end - pageSize - start });
}, 60_000);

test("a PCI device whose numbers read as an address keeps no page", () => {
  const number = "0xffffffff812f8000"; // as the pointer above
  const folder = newFolder();
  const plan = link(folder, 0x3000, {
    "quirk.S": `.section .pci_fixup_final, "a"\n.balign 16\n.quad ${number}, 0`,
  });
  expect(plan.image!.leavingPadding.length).toBe(4);
}, 60_000);

describe("regions of text", () => {
  const regionsOf = (folder: string) => {
    const map = readMap(folder);
    return [...map.addresses]
      .filter(([name]) => /^__jettison_region_\d+_start$/.test(name))
      .map(([, at]) => at - map.addresses.get("_text")!);
  };

  test("take the place of the padding before the entry text while they fit to the last page", () => {
    const pages = 3; // gadget, widget, and what both need
    const folder = newFolder();
    const plan = link(folder, largePage - pages * pageSize);
    expect(plan.regions.reduce((sum, region) => sum + region.pages, 0)).toBe(pages);
    expect(Math.max(...regionsOf(folder))).toBe(largePage - pageSize);
    expect(addressOf(folder, "__entry_text_start") - addressOf(folder, "_text")).toBe(largePage);
  }, 60_000);

  test.each([largePage - 2 * pageSize, largePage])(
    "lie at the end rather than push the entry text on, behind %i bytes",
    (bytes) => {
      const folder = newFolder();
      link(folder, bytes);
      expect(addressOf(folder, "__entry_text_start") - addressOf(folder, "_text")).toBe(largePage);
      expect(Math.min(...regionsOf(folder))).toBe(2 * largePage);
      const { image } = verifyBuild(folder);
      expect([image.violations, image.misplaced]).toEqual([[], []]);
    },
    60_000,
  );
});
