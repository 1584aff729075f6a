// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { restrictToBuild } from "../../../src/3-component/component.js";
import { readManifests } from "../../../src/3-component/manifest.js";
import { shippedManifests } from "../../../src/3-component/shipped.js";
import { JettisonError } from "../../../src/diagnostics.js";

const folder = mkdtempSync(join(tmpdir(), "jettison-manifest-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** `code line:column` of everything that is wrong, in the order in which it is told. */
async function mistakesIn(...files: string[]): Promise<string[]> {
  try {
    await readManifests(files);
    return [];
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return error.diagnostics.map(({ code, message }) => `${code} ${/:(\d+:\d+):/.exec(message)?.[1]}`);
  }
}

/** A component that is right but for what is written into it, which begins in line 7. */
const component = (lines: string) => `components:
  a:
    title: A
    code: [{ objects: drivers/a/** }]
    inUse: never
    canAppear: never
${lines}`;

const mistakesWith = (lines: string) => mistakesIn(write("with.yaml", component(lines)));

test("a manifest becomes plain values that know their lines", async () => {
  const file = write(
    "whole.yaml",
    `components:
  a:
    title: Driver A
    kernels: 2.6.37 to 5.6
    after: b
    needs: [c, b2]
    code:
      - objects: drivers/a/**
        except: [drivers/a/trace.o]
      - symbols: [a_*, b]
    inUse:
      any:
        - listNotEmpty: a_list
        - { equals: { ops: a_ops }, ifBuilt: drivers/ops.o }
        - not: { equals: { a_state: 0x10 } }
    present: { any: [{ acpiTable: AAAA }, { cpu: { vendor: GenuineIntel } }] }
    canAppear: hotplug
    resident: a_asm
    registers: [{ by: a_init, in: bus.o, except: a_shutdown, why: a_init() }]
    exports: refuse
    gates:
      a_probe: -ENODEV
      a_*: void
  b2: { title: B2, code: [{ symbols: b2, optional: true }], inUse: never, canAppear: never }
  c: { title: C, code: [{ objects: c.o }], inUse: never, canAppear: never, present: { memoryAbove: 4G } }
  b:
    title: Driver B
    code: [{ sections: .text.b.* }]
    inUse: { equals: { b_on: true } }
    canAppear: never
gates:
  shared: null
`,
  );
  const [b, a, b2, c] = await readManifests([file]);
  const shared = {
    pattern: "shared",
    literal: true,
    answer: { kind: "value", value: 0, text: "null" },
    file,
    line: 32,
  };
  expect(a).toEqual({
    name: "a",
    title: "Driver A",
    file,
    line: 2,
    kernels: "2.6.37 to 5.6",
    after: [{ name: "b", line: 5, column: 12 }],
    needs: [
      { name: "c", line: 6, column: 13 },
      { name: "b2", line: 6, column: 16 },
    ],
    code: [
      { kind: "objects", patterns: ["drivers/a/**"], except: ["drivers/a/trace.o"], line: 8 },
      { kind: "symbols", patterns: ["a_*", "b"], line: 10 },
    ],
    inUse: {
      op: "any",
      line: 12,
      of: [
        { op: "listNotEmpty", symbol: "a_list", line: 13 },
        { op: "equals", symbol: "ops", value: { symbol: "a_ops" }, ifBuilt: "drivers/ops.o", line: 14 },
        { op: "not", line: 15, of: { op: "equals", symbol: "a_state", value: 16, line: 15 } },
      ],
    },
    present: {
      op: "any",
      of: [
        { op: "acpiTable", signature: "AAAA" },
        { op: "cpu", vendor: "GenuineIntel" },
      ],
    },
    canAppear: "hotplug",
    resident: ["a_asm"],
    registers: [{ by: ["a_init"], object: "bus.o", except: ["a_shutdown"], why: "a_init()", line: 19 }],
    exports: "refuse",
    gates: [
      {
        pattern: "a_probe",
        literal: true,
        answer: { kind: "value", value: -19, text: "-ENODEV" },
        file,
        line: 22,
      },
      { pattern: "a_*", literal: false, answer: { kind: "void", text: "void" }, file, line: 23 },
      shared,
    ],
  });
  expect(b2?.code).toEqual([{ kind: "symbols", patterns: ["b2"], isOptional: true, line: 24 }]);
  expect(c?.present).toEqual({ op: "memoryAbove", bytes: 2 ** 32 });
  expect(b).toMatchObject({ inUse: { op: "equals", symbol: "b_on", value: 1 }, gates: [shared] });
});

test("a test whose object is not built is false", () => {
  const line = 1;
  const tested = { op: "nonZero", symbol: "x", ifBuilt: "x.o", line } as const;
  const asked = { op: "any", line, of: [{ op: "not", line, of: tested }, tested] } as const;
  expect(restrictToBuild(asked, () => true)).toEqual(asked);
  const never = { op: "never", line };
  expect(restrictToBuild(asked, () => false)).toEqual({
    ...asked,
    of: [{ op: "not", line, of: never }, never],
  });
});

test.each([
  ["an unknown key", "    titel: B", ["7:5"]],
  ["a wrong choice", "    exports: open", ["7:14"]],
  ["a registration without its reason", "    registers: [{ by: a_init }]", ["7:17"]],
  ["a registration by a pattern", "    registers: [{ by: [a_init, a_*], why: x }]", ["7:32"]],
  ["an exception by a pattern", "    registers: [{ by: a_init, except: a_?, why: x }]", ["7:39"]],
  ["a registration by objects", "    registers: [{ by: a_init, in: drivers/**, why: x }]", ["7:35"]],
  ["registrations in the form of old", "    registers: { when: inUse, why: x }", ["7:16"]],
  ["an unknown error number", "    gates: { f: -ENODVE }", ["7:17"]],
  ["an answer that is no answer", "    gates: { f: [1], g: yes, h: 0.5, i: -5 }", ["7:17", "7:25", "7:33"]],
  ["a version that is a number", "    gates: { f: { answer: 0, since: 6.10 } }", ["7:17"]],
  ["a version that is a number, of an entry", "    registers: [{ by: f, since: 6.10, why: x }]", ["7:33"]],
  ["versions in disorder", '    registers: [{ by: f, since: "6.10", until: "6.9", why: x }]', ["7:17"]],
  ["an answer that was forgotten", "    gates:\n      f:\n      g: null", ["8:7"]],
  ["a name that no function can have", '    gates: { "f g": 0 }', ["7:14"]],
  ["a key given twice", "    gates:\n      f: 0\n      f: 1", ["9:7"]],
  ["an ACPI table with a long name", "    present: { acpiTable: DMARS }", ["7:27"]],
  ["two kinds of presence", "    present: { acpiTable: DMAR, pciDevice: 1af4:1057 }", ["7:14"]],
])("%s is told with its place", async (_, lines, places) => {
  expect(await mistakesWith(lines)).toEqual(places.map((place) => `manifest-invalid ${place}`));
});

test.each([
  ["an unknown test", "{ listNotEmtpy: a }", ["5:12", "5:14"]],
  ["two tests at once", "{ nonZero: a, calls: f }", ["5:12"]],
  ["a test deep inside", "{ any: [{ not: { all: [] } }] }", ["5:34"]],
  ["a symbol that is none", '{ nonZero: "a b" }', ["5:23"]],
  ["two symbols to be equal", "{ equals: { a: 1, b: 2 } }", ["5:22"]],
  ["a word that is no test", "sometimes", ["5:12"]],
  ["a version where there is no symbol", '{ any: [never], since: "6.2" }', ["5:12"]],
  ["ifBuilt where there is no symbol", "{ any: [never], ifBuilt: a.o }", ["5:12"]],
])("inUse: %s", async (_, inUse, places) => {
  const text = component("").replace("inUse: never", `inUse: ${inUse}`);
  expect(await mistakesIn(write("in-use.yaml", text))).toEqual(
    places.map((place) => `manifest-invalid ${place}`),
  );
});

test.each([
  ["no rule at all", "[]", ["4:11"]],
  ["a rule without patterns", "[{ symbols: [] }]", ["4:23"]],
  ["a rule of two kinds", "[{ symbols: a, objects: a.o }]", ["4:12"]],
  ["versions in disorder", '[{ symbols: a, since: "6.10", until: "6.9" }]', ["4:12"]],
  ["no list", "drivers/a/**", ["4:11"]],
])("code: %s", async (_, code, places) => {
  const text = component("").replace("[{ objects: drivers/a/** }]", code);
  expect(await mistakesIn(write("code.yaml", text))).toEqual(
    places.map((place) => `manifest-invalid ${place}`),
  );
});

test.each([
  ["nothing", "", "1:1"],
  ["no mapping", "- a", "1:1"],
  ["no YAML", "components: [", "1:14"],
  ["an alias", "components: &all { a: *all }", "1:23"],
  ["a name in capitals", component("").replace("  a:", "  A:"), "2:3"],
])("a file that holds %s", async (_, text, place) => {
  expect((await mistakesIn(write("odd.yaml", text)))[0]).toBe(`manifest-invalid ${place}`);
});

test("all mistakes of all files are told at once", async () => {
  const first = write("first.yaml", component("    titel: B\n    exports: open"));
  const second = write("second.yaml", component("").replace("title: A", ""));
  const missing = join(folder, "missing.yaml");
  expect(await mistakesIn(first, missing, second)).toEqual([
    "manifest-invalid 7:5",
    "manifest-invalid 8:14",
    "file-unreadable undefined",
    "manifest-invalid 2:3",
  ]);
});

test("a component is described once", async () => {
  const first = write("first.yaml", component(""));
  const second = write("second.yaml", `# again\n${component("")}`);
  expect(await mistakesIn(first, second)).toEqual(["manifest-invalid 3:3"]);
});

test("the shipped manifests are read, in the order of detection", async () => {
  const components = await readManifests(shippedManifests);
  expect(components.map(({ name, canAppear }) => `${name} ${canAppear}`)).toEqual([
    "xen-swiotlb never",
    "swiotlb never",
    "gart never",
    "amd-vi never",
    "calgary never",
    "cpu-amd never",
    "cpu-intel never",
    "hyperv never",
    "hyperv-iommu never",
    "init-only never",
    "intel-vtd never",
    "virtio-iommu hotplug",
    "iommu-core never",
    "kallsyms always",
    "kvm-guest never",
    "orc always",
    "padding never",
    "xen never",
  ]);
  for (const { name, kernels, present } of components) {
    expect(kernels, name).toBeDefined();
    expect(present, name).toBeDefined();
  }
});

test("a table has a component of its name, which has nothing else and lists who reads it", async () => {
  const table = (name: string, code: string) =>
    write(
      "table.yaml",
      `components:
  ${name}:
    title: A table
    code: ${code}
    inUse: never
    canAppear: always
`,
    );
  const right = "{ table: orc, readers: arch/x86/kernel/unwind_orc.o }";
  const [component] = await readManifests([table("orc", `[${right}]`)]);
  expect(component).toMatchObject({
    ...{ code: [], canAppear: "always" },
    table: { name: "orc", readers: ["arch/x86/kernel/unwind_orc.o"], line: 4 },
  });
  expect(await mistakesIn(table("unwinder", `[${right}]`))).toEqual(["manifest-invalid 2:3"]);
  expect(await mistakesIn(table("orc", `[${right}, { symbols: a }]`))).toEqual(["manifest-invalid 4:11"]);
  expect(await mistakesIn(table("orc", "[{ table: orc }]"))).toEqual(["manifest-invalid 4:12"]);
  expect(await mistakesIn(table("orc", "[{ symbols: a, readers: a.o }]"))).toEqual(["manifest-invalid 4:12"]);
  expect(await mistakesIn(table("btf", "[{ table: btf, readers: a.o }]"))).toEqual(["manifest-invalid 4:21"]);
});

test("padding has one component, which has nothing else", async () => {
  const padding = (name: string, code: string) =>
    write(
      `${name}.yaml`,
      component("")
        .replace("  a:", `  ${name}:`)
        .replace(/\[\{ obj.*/, code),
    );
  const first = padding("first", "[{ padding: image }]");
  expect((await readManifests([first])).map((one) => [one.padding, one.code])).toEqual([[4, []]]);
  expect(await mistakesIn(first, padding("second", "[{ padding: image }]"))).toEqual([
    "manifest-invalid 4:12",
  ]);
  expect(await mistakesIn(padding("both", "[{ padding: image }, { symbols: a }]"))).toEqual([
    "manifest-invalid 4:11",
  ]);
  expect(await mistakesIn(padding("other", "[{ padding: .rodata }]"))).toEqual(["manifest-invalid 4:23"]);
});
