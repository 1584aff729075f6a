// SPDX-License-Identifier: Apache-2.0
/** Exports of components, the modules that import them, and their fate. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Export } from "../../../src/exports/exports.js";
import { readModules } from "../../../src/exports/modules.js";
import { command, temporaryFolder, writeFiles } from "../../support/compile.js";
import { buildMiniature, jettison, linkMiniature, runtime } from "../../support/miniature.js";

/** `EXPORT_SYMBOL` as the kernel has it since 6.4 (include/linux/export.h), and as it was before that. */
const exportSymbol = (name: string) => `
  asm(".section \\".export_symbol\\",\\"a\\"\\n__export_symbol_${name}:\\n.asciz \\"GPL\\"\\n.asciz \\"\\"\\n"
      ".balign 8\\n.quad ${name}\\n.previous");`;
const oldExport = (name: string) => `
  asm(".section \\"___ksymtab+${name}\\",\\"a\\"\\n.balign 4\\n__ksymtab_${name}:\\n.long ${name} - .\\n.long 0\\n.previous");`;

const program = {
  "gadget.c": `
    int gadget_work(int x) { asm volatile(".skip 600, 0x90"); return x + 1; }
    int gadget_old(int x) { return x + 2; }
    int gadget_state;
    ${exportSymbol("gadget_work")} ${oldExport("gadget_old")} ${exportSymbol("gadget_state")}`,
  "secret.c": `
    int secret_work(int x) { asm volatile(".skip 600, 0x90"); return x + 3; }
    ${exportSymbol("secret_work")}`,
  "widget.c": `
    int widget_work(int x) { asm volatile(".skip 600, 0x90"); return x + 4; }
    ${exportSymbol("widget_work")}`,
  "main.c": `int in_use; int resident(int x) { return x; } ${exportSymbol("resident")}
    int main(void) { return resident(in_use); }`,
};

const manifest = `
components:
  gadget:
    title: A gadget
    code: [{ objects: gadget.o }]
    inUse: { nonZero: in_use }
    canAppear: never
    gates: { gadget_work: -ENODEV, gadget_old: 7 }
  secret:
    title: A secret
    code: [{ objects: secret.o }]
    inUse: { nonZero: in_use }
    canAppear: never
    exports: refuse
    gates: { secret_work: 0 }
  widget:
    title: A widget
    code: [{ objects: widget.o }]
    inUse: { nonZero: in_use }
    canAppear: never
    exports: keep
    gates: { widget_work: 0 }
`;

/** A module's object, its members where it has several, and what kbuild writes of it. */
function addModule(folder: string, name: string, members: Readonly<Record<string, string>>): void {
  for (const [member, source] of Object.entries(members)) {
    writeFiles(folder, { [`${member}.c`]: source });
    command(folder, "gcc", "-c", "-o", `${member}.o`, `${member}.c`);
  }
  writeFiles(folder, {
    [`${name}.mod`]: `${Object.keys(members)
      .map((member) => `${member}.o\n`)
      .join("")}\n`,
  });
  appendFileSync(join(folder, "modules.order"), `${name}.o\n`);
}

test("every export of a component is listed with its importers and its fate", () => {
  const folder = buildMiniature({ ...program, "components.yaml": manifest });
  addModule(folder, "net/user", {
    "net/user": "int gadget_work(int), f(void); int f(void) { return gadget_work(1); }",
  });
  // Two objects that were not linked yet, one of which defines what the other needs.
  addModule(folder, "net/pair", {
    "net/one": "int gadget_state, two(void); int one(void) { return two(); }",
    "net/two":
      "extern int gadget_state; int secret_work(int); int two(void) { return secret_work(gadget_state); }",
  });
  // It needs a function of that name, but another module's.
  addModule(folder, "net/other", {
    "net/other": "int gadget_old(int), g(void); int g(void) { return gadget_old(1); }",
  });
  writeFiles(folder, {
    "Module.symvers":
      "0x1\tgadget_work\tvmlinux\tEXPORT_SYMBOL_GPL\tGADGETS\n0x0\tgadget_old\tnet/gadget2\tEXPORT_SYMBOL\t\n",
  });
  const { status, stdout, stderr } = jettison(
    folder,
    "plan",
    ".",
    "--components",
    "components.yaml",
    "--json",
  );
  expect([status, stderr]).toEqual([0, ""]);
  const { exports, unreadable, refusals } = JSON.parse(stdout) as {
    exports: Export[];
    unreadable: string[];
    refusals: { component: string; reason: string }[];
  };
  expect(refusals.map(({ component, reason }) => [component, reason])).toEqual([["widget", "exported"]]);
  expect(unreadable).toEqual([]);
  expect(exports).toEqual([
    {
      ...{ symbol: "gadget_old", unit: "gadget.o:(.text.gadget_old)", components: ["gadget"] },
      ...{ fate: { does: "gate", answer: "7" }, importers: [] },
    },
    {
      ...{ symbol: "gadget_state", unit: "gadget.o:(.bss.gadget_state)", components: ["gadget"] },
      ...{ fate: { does: "keep", why: "too-small" }, importers: [] },
    },
    {
      ...{ symbol: "gadget_work", unit: "gadget.o:(.text.gadget_work)", components: ["gadget"] },
      ...{ fate: { does: "gate", answer: "-ENODEV" }, importers: ["net/user"] },
      ...{ kind: "EXPORT_SYMBOL_GPL", namespace: "GADGETS" },
    },
    {
      ...{ symbol: "secret_work", unit: "secret.o:(.text.secret_work)", components: ["secret"] },
      ...{ fate: { does: "refuse", answer: "0" }, importers: ["net/pair"] },
    },
    {
      ...{ symbol: "widget_work", unit: "widget.o:(.text.widget_work)", components: ["widget"] },
      ...{ fate: { does: "keep", why: "exported" }, importers: [] },
    },
  ]);

  const text = jettison(folder, "plan", ".", "--components", "components.yaml").stdout;
  expect(text).toContain("Exports of components (importers: of 3 modules built beside it):");
  expect(text).toMatch(/^ gadget_work +GPL +gadget +user +gate, answers -ENODEV$/m);
  expect(text).toMatch(/^ secret_work +secret +pair +modules that use it are not loaded$/m);
  expect(text).toMatch(/^ widget_work +widget +- +stays with its component, which its exports keep$/m);
});

test("modules get the gate, whether the objects hold the table of exports or only name what is exported", () => {
  const folder = buildMiniature({ ...runtime, ...program, "components.yaml": manifest });
  expect(linkMiniature(folder).status).toBe(0);
  const relocations = command(folder, "objdump", "-r", "vmlinux.o");
  const ofSection = (name: string) =>
    relocations.split("RELOCATION RECORDS FOR ").find((part) => part.startsWith(`[${name}]`)) ?? "";
  expect(ofSection("___ksymtab+gadget_old")).toMatch(/R_X86_64_PC32 +jettison_gate_gadget_old$/m);
  // Modpost reads these names; the table that it makes has the gates (test/unit/8-link/link.test.ts).
  expect(ofSection(".export_symbol")).toMatch(/R_X86_64_64 +gadget_work$/m);
});

test("nothing is imported from a kernel without modules", () => {
  expect(readModules(temporaryFolder())).toEqual({
    ...{ modules: [], unreadable: [], importers: new Map(), kinds: new Map() },
  });
});

test("a module that cannot be read is named", () => {
  const folder = temporaryFolder();
  writeFiles(folder, { "modules.order": "a.ko\n\nb.ko\nc.o\n", "a.ko": "\x7fELF", "c.mod": "d.o\n" });
  expect(readModules(folder)).toMatchObject({ modules: ["a", "b", "c"], unreadable: ["a", "b", "c"] });
});
