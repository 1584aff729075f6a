// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { buildGraph } from "../../../src/1-graph/graph.js";
import { JettisonError } from "../../../src/diagnostics.js";
import { editObject } from "../../../src/elf/edit.js";
import { symbolType } from "../../../src/elf/format.js";
import { loadObject } from "../../../src/elf/load.js";
import { type ElfObject, readObject, symbolName } from "../../../src/elf/object.js";
import { command, compileObjects, sectionFlags } from "../../support/compile.js";

const sources = {
  "a.c": `
    extern int other(int);
    extern int table[];
    static int counter = 3;
    int shared;
    const char *name = "a name";
    __attribute__((weak)) int maybe(int x) { return x; }
    static __attribute__((noinline)) int twice(int x) { return 2 * x + counter; }
    int entry(int x) { return other(twice(x)) + table[x] + shared; }
    int (*pointer)(int) = twice;`,
};

const names = (object: ElfObject) => object.sections.slice(1).map(({ name }) => name);
const symbolsOf = (object: ElfObject) =>
  Array.from({ length: object.symbols.count }, (_, symbol) => symbolName(object, symbol)).filter(
    (name) => name !== "",
  );

test("sections and symbols are those that readelf and nm show", () => {
  const { folder } = compileObjects(sources);
  const object = loadObject("a.o", join(folder, "a.o"));
  const shown = command(folder, "readelf", "-SW", "a.o").matchAll(/^ +\[ *[1-9]\d*\] (\S+)/gm);
  expect(names(object)).toEqual([...shown].map((match) => match[1]));
  const nm = command(folder, "nm", "-a", "--format=just-symbols", "a.o").trim().split("\n");
  expect(symbolsOf(object).sort()).toEqual(nm.sort());
});

test("more than 65,280 sections are read, and survive a change", () => {
  const count = 66_000;
  const { folder } = compileObjects({
    "many.S": `
      .altmacro
      .macro one n
      .section .text.f\\n, "ax"
      .globl f\\n
      .type f\\n, @function
      f\\n: ret
      .endm
      .set i, 0
      .rept ${count}
      one %i
      .set i, i + 1
      .endr
      .section .data.all, "aw"
      .quad f65999`,
  });
  const object = loadObject("many.o", join(folder, "many.o"));
  expect(object.sections.length).toBeGreaterThan(count);
  const graph = buildGraph([object]);
  const edge = graph.edgeTo.find((to) => to >= 0)!;
  expect(object.sections[graph.unitSection[edge]!]!.name).toBe(".text.f65999");

  const editor = editObject(object);
  const last = object.sections.findIndex(({ name }) => name === ".text.f65999");
  editor.renameSection(last, ".text..renamed");
  editor.addSymbol({
    name: "alias",
    section: last,
    type: symbolType.function,
    visibility: 0,
    value: 0,
    size: 1,
  });
  writeFileSync(join(folder, "changed.o"), editor.finish());
  const changed = loadObject("changed.o", join(folder, "changed.o"));
  expect(changed.sections[last]!.name).toBe(".text..renamed");
  expect(changed.symbols.sectionIndex[changed.symbols.count - 1]).toBe(last);
  expect(command(folder, "nm", "changed.o")).toContain("T alias");
}, 120_000);

test("debug information is neither read nor needed", () => {
  const { folder } = compileObjects({ "a.c": `${sources["a.c"]}\n${bulk(3000)}` }, [...sectionFlags, "-g3"]);
  const path = join(folder, "a.o");
  const sparse = loadObject("a.o", path);
  const whole = readObject("a.o", readFileSync(path));
  expect(whole.bytes.byteLength).toBeGreaterThan(256 * 1024);
  expect(symbolsOf(sparse)).toEqual(symbolsOf(whole));
  expect(buildGraph([sparse]).edgeTo).toEqual(buildGraph([whole]).edgeTo);
  const debug = sparse.sections.find(({ name }) => name === ".debug_info")!;
  const middle = debug.offset + (debug.size >> 1);
  expect(sparse.bytes.subarray(middle, middle + 64).every((byte) => byte === 0)).toBe(true);
});

const bulk = (count: number) =>
  Array.from({ length: count }, (_, index) => `struct s${index} { int a${index}; } v${index};`).join("\n");

test("an edit that changes nothing links to the same bytes", () => {
  const { folder } = compileObjects(sources);
  const editor = editObject(loadObject("a.o", join(folder, "a.o")));
  writeFileSync(join(folder, "same.o"), editor.finish());
  for (const name of ["a.o", "same.o"]) command(folder, "ld", "-r", "-o", `${name}.linked`, name);
  expect(readFileSync(join(folder, "same.o.linked"))).toEqual(readFileSync(join(folder, "a.o.linked")));
});

test("sections are renamed, symbols added, relocations aimed anew", () => {
  const { folder } = compileObjects(sources);
  const object = loadObject("a.o", join(folder, "a.o"));
  const graph = buildGraph([object]);
  const editor = editObject(object);
  const section = object.sections.findIndex(({ name }) => name === ".text.twice");
  editor.renameSection(section, ".text..moved");
  const gate = editor.addSymbol({ name: "gate", section: 0, type: 0, visibility: 0, value: 0, size: 0 });
  const edges = [...graph.edgeTo.keys()].filter((edge) => graph.unitSection[graph.edgeTo[edge]!] === section);
  expect(edges).toHaveLength(2);
  editor.retarget(graph.edgeAt[edges[0]!]!, gate, -4);
  writeFileSync(join(folder, "b.o"), editor.finish());
  const shown = command(folder, "readelf", "-rSW", "b.o");
  expect(shown).toMatch(/\.text\.\.moved/);
  expect(shown).toMatch(/gate - 4/);
  command(folder, "ld", "-r", "-o", "linked.o", "b.o");
});

/** Whatever the damage, the answer is a diagnostic with a code, or a graph. */
function expectDiagnostic(bytes: Buffer): void {
  try {
    buildGraph([readObject("damaged.o", bytes)]);
  } catch (error) {
    expect(error).toBeInstanceOf(JettisonError);
  }
}

test("a truncated object is refused by name", () => {
  const { folder } = compileObjects(sources);
  const whole = readFileSync(join(folder, "a.o"));
  for (let size = 0; size < whole.byteLength; size += 7) {
    expectDiagnostic(Buffer.from(whole.subarray(0, size)));
    expect(() => readObject("cut.o", whole.subarray(0, size))).toThrow(/cut\.o/);
  }
});

test("mutated objects end in a diagnostic or a graph", () => {
  const { folder } = compileObjects(sources);
  const whole = readFileSync(join(folder, "a.o"));
  const mutation = fc.record({ at: fc.nat(whole.byteLength - 1), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 8 }), (mutations) => {
      const bytes = Buffer.from(whole);
      for (const { at, value } of mutations) bytes[at] = value;
      expectDiagnostic(bytes);
    }),
    { numRuns: 2000, seed: 20101020 },
  );
});

test("a file that is no object is refused as none", () => {
  const { folder } = compileObjects(sources);
  expect(() =>
    readObject("x", Buffer.from("not an object, but long enough to hold an ELF header, is it not?")),
  ).toThrow(/elf-unsupported/);
  expect(() => loadObject("gone.o", join(folder, "gone.o"))).toThrow(/file-unreadable/);
});
