// SPDX-License-Identifier: Apache-2.0
/** The link of a driver and its core: refusals, gates, pins, and errors of the manifest. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildCase, linkMiniature, planOf, readCase } from "../../support/miniature.js";

const { "components.yaml": manifest, ...program } = readCase("driver").files;

test("functions without an answer refuse their component, which then stays whole, and all are named", () => {
  const without = manifest.replace("gadget_note: void, ", "").replace("local_work: -5, ", "");
  const folder = buildCase("driver", { "components.yaml": without });
  const linked = linkMiniature(folder);
  expect(linked.status).toBe(0);
  expect(linked.stderr).toMatch(/gadget is refused: .*no answer for it, nor for gadget_note$/m);
  const plan = planOf(folder);
  expect(plan.refusals.map(({ reason, unanswered }) => [reason, unanswered])).toEqual([
    ["unanswered", ["local_work", "gadget_note"]],
  ]);
  expect(plan.regions).toEqual([]);
  expect(plan.gates).toEqual([]);
});

test.each([
  [
    "a jump into a function",
    'asm(".text\\nnop\\n.section .text.into, \\"ax\\"\\ninto: jmp gadget_work + 5\\n");',
    "inside-function",
  ],
  ["assembly that calls", 'asm(".text\\ncaller: call gadget_work\\n");', "assembly"],
  [
    "code that may call nothing",
    'asm(".section .noinstr.text, \\"ax\\"\\nraw: call gadget_work\\n");',
    "no-gate",
  ],
  [
    "code that is read",
    'asm(".section .text.reader, \\"ax\\"\\nreader: mov gadget_work(%rip), %eax\\n");',
    "read-as-data",
  ],
  [
    "a section that nobody knows",
    'asm(".section .mystery, \\"a\\"\\n.quad gadget_work\\n");',
    "unknown-section",
  ],
])("%s refuses the component", (_, code, reason) => {
  const folder = buildCase("driver", { "other.c": `int other(int x) { return x; }\n${code}` });
  expect(linkMiniature(folder).status).toBe(0);
  expect(planOf(folder).refusals.map((refusal) => refusal.reason)).toEqual([reason]);
});

test("an address that init code stores goes through a gate, a call does not", () => {
  const folder = buildCase("driver", {
    "setup.c": `
      #include "gadget.h"
      work_t stored;
      __attribute__((section(".init.text"))) void setup(void) { stored = gadget_work; gadget_pointer(); }`,
  });
  expect(linkMiniature(folder).status).toBe(0);
  const gates = planOf(folder).gates;
  const from = (name: string) =>
    gates.find((gate) => gate.function === name)!.crossings.map((crossing) => crossing.from);
  expect(from("gadget_work")).toContain("setup.o:(.init.text)");
  expect(from("gadget_pointer")).not.toContain("setup.o:(.init.text)");
});

const registering = (except: string) => ({
  "components.yaml": manifest.replace(
    "canAppear: never",
    `canAppear: never\n    registers: [{ by: gadget_setup${except}, why: gadget_setup() }]`,
  ),
  "drivers/gadget.c": `${program["drivers/gadget.c"]}
    work_t gadget_stored; void *gadget_kept;
    int gadget_late(int x) { return x; }
    __attribute__((section(".init.text"))) void gadget_setup(void)
    { gadget_stored = gadget_late; gadget_kept = gadget_name; }`,
});

test("an address that a manifest lets init code keep needs no gate, unless the manifest excepts it", () => {
  const crossed = (except: string) => {
    const folder = buildCase("driver", registering(except));
    expect(linkMiniature(folder).stderr).toBe("");
    const ofInit = planOf(folder).gates.filter(({ crossings }) =>
      crossings.some(({ from }) => from.endsWith(":(.init.text)")),
    );
    return ofInit.map((gate) => gate.function);
  };
  expect(crossed("")).toEqual([]);
  expect(crossed(", except: [gadget_name]")).toEqual(["gadget_name"]);
});

test("a function that a manifest declares resident stays, with the functions of its file that it calls", () => {
  const called = {
    "drivers/gadget.c": `${program["drivers/gadget.c"]}
      static __attribute__((noinline)) int gadget_peek(void) { return uses; }
      int gadget_entry(void) { return gadget_peek() + helper(1); }`,
    "entry.S": '.section .noinstr.text, "ax"\n.globl entry\nentry: call gadget_entry\nret',
  };
  const refused = buildCase("driver", called);
  expect(linkMiniature(refused).status).toBe(0);
  expect(planOf(refused).refusals.map(({ reason }) => reason)).toEqual(["no-gate"]);

  const folder = buildCase("driver", {
    ...called,
    "components.yaml": manifest
      .replace("    canAppear", "    resident: [gadget_entry, gadget_nothing]\n    canAppear")
      .replace("gates: {", "gates: { helper: 0,"),
  });
  expect(linkMiniature(folder).stderr).toBe("");
  const { refusals, units, pins } = planOf(folder);
  expect(refusals).toEqual([]);
  expect(units.map(({ section }) => section)).not.toContain(".text.gadget_entry");
  expect(pins.map(({ unit }) => unit)).toContain("drivers/gadget.o:(.text.gadget_peek)");
});

test("calls that are expected are marked in the table of gates", () => {
  const flagsOf = (answer: string) => {
    const folder = buildCase("driver", {
      "components.yaml": manifest.replace("gadget_note: void", `gadget_note: ${answer}`),
    });
    expect(linkMiniature(folder).stderr).toBe("");
    const table = readFileSync(join(folder, ".jettison/tables.S"), "utf8");
    return /, jettison_gate_gadget_note, 0\n\t\.long\t0, (\d)/.exec(table)?.[1];
  };
  expect(flagsOf("void")).toBe("1");
  expect(flagsOf("{ expected: void }")).toBe("5");
});

test("a function that what stays calls from the same object stays with it", () => {
  const folder = buildCase("driver", {
    "drivers/gadget.c": `${program["drivers/gadget.c"]}
      __attribute__((section(".ref.text"))) void gadget_ref(void) { gadget_note(1); }`,
  });
  expect(linkMiniature(folder).stderr).toBe("");
  const { pins, refusals, units } = planOf(folder);
  expect(refusals).toEqual([]);
  expect(pins.map(({ unit }) => unit)).toEqual(["drivers/gadget.o:(.text.gadget_note)"]);
  expect(units.find(({ section }) => section === ".text.gadget_note")!.region).toBeUndefined();
});

test("an exception of a manifest has to exist", () => {
  const linked = linkMiniature(buildCase("driver", registering(", except: gadget_nmae")));
  expect(linked.stderr).toMatch(
    /components\.yaml:8: gadget_nmae is no function or object of the component.*gadget_name/,
  );
  expect(linked.status).toBe(2);
});

test.each([
  [
    "object",
    "objects: drivers/gadgets.o",
    "nonZero: gadget_in_use",
    /components\.yaml:\d+: no object .*drivers\/gadgets\.o.*Nearest: drivers\/gadget\.o/,
  ],
  [
    "symbol",
    "objects: drivers/gadget.o",
    "nonZero: gadget_inuse",
    /components\.yaml:\d+: gadget_inuse is not in this build.*gadget_in_use/,
  ],
])("a manifest that names a missing %s is answered with its place", (_, code, inUse, message) => {
  const text = manifest
    .replace("code: [{ objects: drivers/gadget.o }]", `code: [{ objects: drivers/gadget.o }, { ${code} }]`)
    .replace("nonZero: gadget_in_use", inUse);
  const folder = buildCase("driver", { "components.yaml": text });
  const linked = linkMiniature(folder);
  expect(linked.stderr).toMatch(message);
  expect(linked.status).toBe(2);
  expect(existsSync(join(folder, "vmlinux.o"))).toBe(false);
});

test("two components that claim one unit are both named", () => {
  const text = `${manifest}  other:\n    title: Other\n    code: [{ objects: "drivers/*" }]\n    inUse: never\n    canAppear: never\n`;
  const linked = linkMiniature(buildCase("driver", { "components.yaml": text }));
  expect(linked.stderr).toMatch(
    /claimed by gadget \(components\.yaml:5\) and by other \(components\.yaml:\d+\)/,
  );
  expect(linked.status).toBe(2);
});

test("a component that is not built is skipped and said to be", () => {
  const text = `${manifest}  absent:\n    title: Absent\n    code: [{ objects: "drivers/absent/**" }]\n    inUse: { nonZero: absent }\n    canAppear: never\n`;
  const folder = buildCase("driver", { "components.yaml": text });
  expect(linkMiniature(folder).status).toBe(0);
  expect(planOf(folder).components.map(({ name, state }) => `${name} ${state}`)).toEqual([
    "gadget planned",
    "absent not-built",
  ]);
});
