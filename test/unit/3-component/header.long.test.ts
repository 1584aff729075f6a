// SPDX-License-Identifier: Apache-2.0
/** The three ways to say what belongs to a component: by object file, in the source by a word, by symbol. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../../src/root.js";
import { command } from "../../support/compile.js";
import {
  buildMiniature,
  jettison,
  linkMiniature,
  planOf,
  runtime,
  sectionsOf,
} from "../../support/miniature.js";

const program = {
  ...runtime,
  // By a word at each definition, of a component that the file names once.
  "gart.c": `
    #define JETTISON_COMPONENT "gart"
    #include <linux/jettison_component.h>
    #include "devices.h"
    static int __jettison_data maps = 1;
    static const int __jettison_const sizes[] = { 2, 3, 5 };
    static int __jettison gart_size(int order) { maps++; return sizes[order]; }
    int __jettison gart_map(int x) { asm volatile(".skip 600, 0x90"); return gart_size(x) * maps; }
    const char *__jettison gart_name(void) { return "the GART"; }
    int gart_is_found(void) { return 0; }`,
  // In a file of others, by the word that names the component, and by symbol.
  "quirks.c": `
    #include <linux/jettison_component.h>
    #include "devices.h"
    int __jettison_in("gart") gart_quirk(int x) { return x + 7; }
    int calgary_quirk(int x) { asm volatile(".skip 600, 0x90"); return x + 11; }
    int calgary_reset(int x) { return x + 13; }
    int other_quirk(int x) { return x + 17; }`,
  // By object file.
  "amd/init.c": `
    #include "devices.h"
    int amd_map(int x) { asm volatile(".skip 600, 0x90"); return x + 19; }`,
  "devices.h": `
    int gart_map(int x); const char *gart_name(void); int gart_is_found(void); int gart_quirk(int x);
    int calgary_quirk(int x); int calgary_reset(int x); int other_quirk(int x); int amd_map(int x);`,
  "main.c": `
    #include <stdio.h>
    #include "devices.h"
    #include "runtime.h"
    static void show(const char *when)
    {
      const char *name = gart_name();
      printf("%s: %d %s %d %d %d %d %d\\n", when, gart_map(1), name ? name : "none", gart_quirk(0),
             calgary_quirk(0), calgary_reset(0), other_quirk(0), amd_map(0));
    }
    int in_use;
    int main(void)
    {
      show("open");
      gone();
      show("shut");
      printf("%lu calls\\n", calls_of_gates());
    }`,
};

const componentOf = (name: string, code: string, gates: string) => `
  ${name}:
    title: ${name}
    code: ${code}
    inUse: { nonZero: in_use }
    canAppear: never
    gates: { ${gates} }`;
const gart = componentOf(
  "gart",
  '[{ sections: ".*..component.gart" }]',
  "gart_map: -1, gart_name: null, gart_quirk: -2",
);
const calgary = componentOf("calgary", "[{ symbols: calgary_* }]", "calgary_*: -3");
const amd = componentOf("amd-vi", "[{ objects: amd/** }]", "amd_map: -4");
const manifest = `components:${gart}${calgary}${amd}\n`;

const withManifest = (text: string) => ({ ...program, "components.yaml": text });

test("all three leave, and the plan says by which rule", () => {
  const folder = buildMiniature(withManifest(manifest));
  const linked = linkMiniature(folder);
  expect([linked.status, linked.stderr]).toEqual([0, ""]);
  const { units, regions } = planOf(folder);
  expect(regions.map(({ owners }) => owners)).toEqual([["amd-vi"], ["calgary"], ["gart"]]);
  const rules = units.map(({ object, section, matched, rule }) => [`${object}:(${section})`, rule, matched]);
  const [first, second, third] = [gart, calgary, amd].map(
    (one) => `components.yaml:${manifest.slice(0, manifest.indexOf(one)).split("\n").length + 3}`,
  );
  expect(Object.fromEntries(rules.map(([unit, ...by]) => [unit, by]))).toEqual({
    "gart.o:(.text..component.gart)": [first, "sections .*..component.gart"],
    "gart.o:(.data..component.gart)": [first, "sections .*..component.gart"],
    "gart.o:(.rodata..component.gart)": [first, "sections .*..component.gart"],
    // Strings to which only they refer come along.
    "gart.o:(.rodata..component.gart.str1.1)": [undefined, undefined],
    "quirks.o:(.text..component.gart)": [first, "sections .*..component.gart"],
    "quirks.o:(.text.calgary_quirk)": [second, "symbols calgary_*"],
    "quirks.o:(.text.calgary_reset)": [second, "symbols calgary_*"],
    "amd/init.o:(.text.amd_map)": [third, "objects amd/**"],
  });
  command(folder, "gcc", "-static", "-no-pie", "-o", "program", "vmlinux.o");
  expect(command(folder, "./program").split("\n")).toEqual([
    "open: 6 the GART 7 11 13 17 19",
    "shut: -1 none -2 -3 -3 17 -4",
    "6 calls",
    "",
  ]);
});

test("jettison plan --units shows the rule of every unit", () => {
  const folder = buildMiniature(withManifest(manifest));
  const { status, stdout, stderr } = jettison(
    folder,
    "plan",
    ".",
    "--components",
    "components.yaml",
    "--units",
  );
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(
    /gart\.o:\(\.text\.\.component\.gart\) .* gart .*components\.yaml:4 sections \.\*\.\.component\.gart$/m,
  );
  expect(stdout).toMatch(/quirks\.o:\(\.text\.calgary_reset\) .* components\.yaml:\d+ symbols calgary_\*$/m);
  expect(stdout).toMatch(/amd\/init\.o:\(\.text\.amd_map\) .* components\.yaml:\d+ objects amd\/\*\*$/m);
  expect(stdout).toMatch(/gart\.o:\(\.rodata\.\.component\.gart\.str1\.1\) .* only they refer to it$/m);
});

test("code and data that do not leave lie with the others of their kind again", () => {
  // Without an answer for gart_map the component is refused and stays whole.
  const folder = buildMiniature(withManifest(`components:${gart.replace("gart_map: -1, ", "")}\n`));
  const linked = linkMiniature(folder);
  expect(linked.status).toBe(0);
  expect(linked.stderr).toMatch(/gart is refused/);
  const names = sectionsOf(folder, "vmlinux.o");
  expect(names.filter((name) => name.includes("component"))).toEqual([]);
  expect(names).toEqual(expect.arrayContaining([".text", ".data", ".rodata", ".rodata.str1.1"]));
  const symbols = command(folder, "readelf", "-sW", "vmlinux.o");
  const sectionOfSymbol = (name: string) => Number(new RegExp(`(\\d+) ${name}$`, "m").exec(symbols)?.[1]);
  expect(sectionOfSymbol("gart_map")).toBe(sectionOfSymbol("other_quirk"));
});

test.each([
  ["an object", "[{ objects: gart.o, except: x.o }]", /objects gart\.o/],
  ["a symbol", "[{ symbols: gart_quirk }]", /symbols gart_quirk/],
  ["a section", '[{ sections: ".text..component.*" }]', /sections \.text\.\.component\.\*/],
])("claimed by a section and by %s: both rules are named", (_, code, rule) => {
  const folder = buildMiniature(withManifest(`components:${gart}${componentOf("other", code, "x: 0")}\n`));
  const linked = linkMiniature(folder);
  expect(linked.status).toBe(2);
  expect(linked.stderr).toContain("[manifest-claimed-twice]");
  expect(linked.stderr).toMatch(
    /claimed by gart \(components\.yaml:4\) and by other \(components\.yaml:\d+\)/,
  );
  expect(linked.stderr).toMatch(/: sections \.\*\.\.component\.gart against /);
  expect(linked.stderr).toMatch(rule);
});

test.each([
  ["without CONFIG_JETTISON", []],
  ["in a module", ["-DCONFIG_JETTISON", "-DMODULE"]],
])("%s the words say nothing", (_, flags) => {
  const folder = buildMiniature(program, { flags });
  expect(sectionsOf(folder, "gart.o").filter((name) => name.includes("component"))).toEqual([]);
  expect(sectionsOf(folder, "gart.o")).toContain(".text.gart_map");
});

test("without a component's name the compiler says which word is missing", () => {
  const source = "#include <linux/jettison_component.h>\nint __jettison f(void) { return 0; }\n";
  const include = join(projectRoot, "runtime/linux/include");
  const args = ["-DCONFIG_JETTISON", `-I${include}`, "-fsyntax-only", "-xc", "-"];
  const { status, stderr } = spawnSync("gcc", args, { input: source, encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toMatch(/expected .* before .*JETTISON_COMPONENT/);
});
