// SPDX-License-Identifier: Apache-2.0
/** One of the kernel's own tables that may leave: only its readers refer to it, and it is what the kernel takes it for. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { measureTables, namesOfReaders } from "../../../src/8-link/claims.js";
import type { Claims } from "../../../src/9-verify/claims.js";
import { verifyImage } from "../../../src/9-verify/verifyImage.js";
import { readImage } from "../../../src/elf/image.js";
import { command, graphOf, temporaryFolder, writeFiles } from "../../support/compile.js";

const claims: Claims = {
  version: 1,
  regions: [{ name: "orc", kind: "rodata", pages: 1, owners: ["orc"], readers: ["find", "look"] }],
  padding: [],
  allowances: [],
};

const inFunction = (name: string, code = "mov lookup(%rip), %eax\nret") =>
  `.text\n.type "${name}", @function\n"${name}": ${code}\n.size "${name}", . - "${name}"`;

const kernel = (more: string) => `
  .section .lookup, "a"
  .globl lookup
  .type lookup, @object
  lookup: .fill 5000, 1, 7
  .size lookup, 5000
  .section .rodata, "a"
  .globl jettison_regions, jettison_nr_regions, jettison_components, jettison_owners
  jettison_regions: .quad __jettison_table_orc_start, __jettison_table_orc_end
  .long 0, 1, 1, 0
  .type jettison_regions, @object
  .size jettison_regions, 32
  jettison_nr_regions: .long 1, 0
  jettison_owners: .short 0, 0, 0, 0
  jettison_components: .quad 2f, 0, 0, 0
  2: .asciz "orc"
  .data
  .globl word
  .type word, @object
  word: .quad 0
  .size word, 8
  ${more}
`;

const script = (before = "") => `
SECTIONS
{
  . = 0xffffffff81000000;
  _text = .;
  .text : { *(.text) }
  . = ALIGN(4096);
  __jettison_rodata_start = .;
  .before : { ${before} __jettison_table_orc_start = .; QUAD(0) QUAD(0) }
  .lookup : { *(.lookup) }
  .behind : { QUAD(0) QUAD(0) . = ALIGN(4096); __jettison_table_orc_end = .; }
  __jettison_rodata_end = .;
  .rodata : { *(.rodata) }
  .data : { *(.data) }
  _end = .;
}`;

function verify(more: string, layout = script()) {
  const folder = temporaryFolder();
  writeFiles(folder, { "kernel.s": kernel(more), "kernel.lds": layout });
  command(folder, "as", "-o", "kernel.o", "kernel.s");
  command(folder, "ld", "--emit-relocs", "-e", "0", "-T", "kernel.lds", "-o", "vmlinux", "kernel.o");
  const image = readImage("vmlinux", readFileSync(join(folder, "vmlinux")));
  const regions = measureTables(claims.regions, image);
  const { violations, misplaced, harmless } = verifyImage(image, { ...claims, regions });
  return { violations, misplaced, harmless, pages: regions[0]!.pages };
}

test("a function of another object is no reader, though it has the name of one", () => {
  const graph = graphOf({
    "reader.c": "int find(void) { return 1; }\n__attribute__((used)) static int show(void) { return 2; }\n",
    "other.c": "__attribute__((used)) static int show(void) { return 3; }\n",
  });
  expect(namesOfReaders(graph, new Set(["reader.o"]))).toEqual(["find"]);
});

test("readers refer to it, and the compiler's copies of them", () => {
  const { violations, misplaced, harmless, pages } = verify(
    `${inFunction("find")}\n${inFunction("look.constprop.0", "lea lookup + 8(%rip), %rax\nret")}`,
  );
  expect({ violations, misplaced, pages }).toEqual({ violations: [], misplaced: [], pages: 2 });
  expect(harmless["asks whether the table is there"]).toBe(2);
});

test.each([
  ["another function", inFunction("finder")],
  ["a function that only begins like one", inFunction("find_all")],
  ["code without a name", ".text\nmov lookup(%rip), %eax\nret"],
  ["data", ".data\n.quad lookup + 16"],
  [
    "data, beside a function that does not",
    `${inFunction("other", "ret")}\n.data\n.type planted, @object\nplanted: .quad lookup\n.size planted, 8`,
  ],
])("nobody else does: %s", (_, more) => {
  const { violations } = verify(`${inFunction("find")}\n${more}`);
  expect(violations).toHaveLength(1);
  expect(violations[0]!.to).toContain("of region orc");
});

test.each([
  ["it begins in the midst of a page", script("QUAD(0)"), /not made of the/],
  [
    "it shares a section with others",
    script("LONG(1) . = ALIGN(4096);"),
    /does not have the whole of \.before/,
  ],
  [
    "something lies in its first bytes",
    script().replace("QUAD(0) QUAD(0) }\n  .lookup", "*(.text.none) }\n  .lookup"),
    /lookup lies in the guard bytes/,
  ],
  [
    "it lies elsewhere",
    script()
      .replace("__jettison_rodata_start = .;", "")
      .replace(".rodata :", "__jettison_rodata_start = .;\n.rodata :"),
    /does not lie among constants/,
  ],
])("it is what the kernel takes it for: %s", (_, layout, fault) => {
  expect(verify(inFunction("find"), layout).misplaced.join("\n")).toMatch(fault);
});

test("a kernel without the place has no such region", () => {
  const { misplaced } = verify(
    inFunction("find"),
    script().replaceAll("__jettison_table_orc", "elsewhere") +
      "\n__jettison_table_orc_start = 0; __jettison_table_orc_end = 0;",
  );
  expect(misplaced.join("\n")).toMatch(/region orc|orc is/);
});
