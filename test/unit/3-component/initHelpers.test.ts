// SPDX-License-Identifier: Apache-2.0
/** A function that only init code calls always leaves. If anything else may reach it, or it hands out an address, it stays. */
import { expect, test } from "vitest";
import { buildMiniature, linkMiniature, planOf, runtime } from "../../support/miniature.js";

const components = `
components:
  init-only:
    title: Called by init code only
    code: [{ onlyCalledBy: init }]
    inUse: never
    canAppear: never
  gadget:
    title: Gadget
    code: [{ objects: gadget.o }]
    inUse: never
    canAppear: never
    gates: { gadget_start: void }
`;

const fill = 'asm volatile(".skip 600, 0x90");';
const start = `
  #define __init __attribute__((section(".init.text")))
  #include "runtime.h"
  void gadget_start(void);
  int value; void *kept; void (*hook)(void);
  static void kept_hook(void) { value++; ${fill} }
  static void deep(void) { value += 2; ${fill} }
  static void parse(void) { deep(); hook = kept_hook; kept = &value; ${fill} }
  static void both(void) { value += 3; ${fill} }
  static void taken(void) { value += 4; ${fill} }
  static void circle(int x); static void circle2(int x) { value++; if (x) circle(x - 1); }
  static void circle(int x) { value--; if (x) circle2(x - 1); }
  static void shared(void) { value += 5; ${fill} }
  void alone(void) { shared(); } void round2(int x); void round1(int x) { shared(); if (x) round2(x - 1); }
  void round2(int x) { value--; if (x) round1(x - 1); }
  static void starts(void) { gadget_start(); ${fill} }
  __init void setup(void) { parse(); both(); taken(); hook = taken; circle(3); shared(); starts(); }
  int main(void) { setup(); both(); return value == 0; }`;

function unitsOf(files: Readonly<Record<string, string>>): Record<string, readonly string[]> {
  const folder = buildMiniature({ ...runtime, "components.yaml": components, ...files });
  expect(linkMiniature(folder, "components.yaml").stderr).toBe("");
  return Object.fromEntries(planOf(folder).units.map(({ section, owners }) => [section, owners]));
}

test("helpers are found through helpers; an address, a call by another and one into a component keep them", () => {
  const owners = unitsOf({
    "start.c": start,
    "gadget.c": `int started; void gadget_start(void) { started = 1; ${fill} }`,
  });
  expect(owners).toMatchObject({
    ...{ ".text.parse": ["init-only"], ".text.deep": ["init-only"] },
    ...{ ".text.circle": ["init-only"], ".text.circle2": ["init-only"] },
    ".text.gadget_start": ["gadget"],
  });
  // Handed out by one of them, called by what stays, kept by init code, calling into a component; init code itself;
  // called by what nobody is known to call, be it alone or in a circle
  const staying = "kept_hook both taken starts setup main shared alone round1 round2".split(" ");
  for (const name of staying) expect(owners[`.text.${name}`]).toBeUndefined();
});

test("a function that a BPF program may call by its name stays", () => {
  const named = `${start}\n__asm__(".section .BTF_ids, \\"a\\"\\n.globl __BTF_ID__func__deep__7\\n__BTF_ID__func__deep__7: .zero 4\\n.text");`;
  const owners = unitsOf({ "start.c": named, "gadget.c": "void gadget_start(void) {}" });
  expect(owners[".text.parse"]).toEqual(["init-only"]);
  expect(owners[".text.deep"]).toBeUndefined();
});
