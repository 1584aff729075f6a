// SPDX-License-Identifier: Apache-2.0
/** In which order components are looked for, and who keeps whom. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Component, Mention } from "../../../src/3-component/component.js";
import { readManifests } from "../../../src/3-component/manifest.js";
import { orderComponents } from "../../../src/3-component/order.js";
import { JettisonError } from "../../../src/diagnostics.js";
import { temporaryFolder, writeFiles } from "../../support/compile.js";
import { buildMiniature, linkMiniature, planOf, runtime } from "../../support/miniature.js";

const mention = (name: string): Mention => ({ name, line: 1, column: 1 });

const component = (name: string, after: readonly string[], needs: readonly string[] = []): Component => ({
  ...{ name, title: name, file: "a.yaml", line: 1, code: [], resident: [], gates: [], canAppear: "never" },
  ...{ inUse: { op: "never", line: 1 }, after: after.map(mention), needs: needs.map(mention) },
});

const namesOf = (components: readonly Component[]) => components.map(({ name }) => name);

function mistakesOf(run: () => unknown): readonly { code: string; message: string }[] {
  try {
    run();
    return [];
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return error.diagnostics;
  }
}

test("components that have to come before another come right before it, the rest by name", () => {
  const components = [
    component("amd-vi", ["gart"]),
    component("intel-vtd", ["swiotlb"]),
    component("gart", ["swiotlb"]),
    component("swiotlb", []),
    component("xen-swiotlb", [], ["swiotlb", "xen"]),
    component("xen", []),
  ];
  const ordered = orderComponents(components);
  expect(namesOf(ordered)).toEqual(["xen-swiotlb", "swiotlb", "gart", "amd-vi", "intel-vtd", "xen"]);
  expect(orderComponents(ordered)).toEqual(ordered);
});

test("the order is the same whichever manifest is read first", () => {
  const components = [
    component("xen-swiotlb", [], ["swiotlb", "xen"]),
    component("amd-vi", ["gart"]),
    component("swiotlb", []),
    component("xen", []),
    component("virtio", [], ["swiotlb"]),
    component("gart", ["swiotlb"]),
  ];
  const order = namesOf(orderComponents(components));
  fc.assert(
    fc.property(fc.shuffledSubarray(components, { minLength: components.length }), (shuffled) => {
      expect(namesOf(orderComponents(shuffled))).toEqual(order);
    }),
  );
});

test("a circle is shown, each step with its place", () => {
  const components = [
    component("x", ["a"]),
    component("a", ["b"]),
    component("b", []),
    component("c", ["a"], ["b"]),
  ];
  const [cycle, ...others] = mistakesOf(() => orderComponents(components));
  expect(others).toEqual([]);
  expect(cycle?.code).toBe("manifest-cycle");
  expect(cycle?.message).toContain(
    "a comes after b (a.yaml:1), b is needed by c (a.yaml:1), c comes after a (a.yaml:1)",
  );
  expect(mistakesOf(() => orderComponents([component("a", ["a"])]))[0]?.message).toContain("a comes after a");
});

test("a name that no manifest has is told with its place and the nearest", async () => {
  const folder = temporaryFolder();
  const of = (name: string, more: string) =>
    `  ${name}: { title: A, code: [{ objects: a.o }], inUse: never, canAppear: never, ${more} }\n`;
  const text = `components:\n${of("gart", "after: [swiotbl]")}${of("swiotlb", "needs: nothing-like-it")}`;
  writeFiles(folder, { "m.yaml": text });
  const error = await readManifests([join(folder, "m.yaml")]).catch((one: unknown) => one);
  const found = (error as JettisonError).diagnostics;
  expect(found.map(({ code }) => code)).toEqual(["manifest-invalid", "manifest-invalid"]);
  expect(found[0]!.message).toMatch(/m\.yaml:2:\d+: .*swiotbl: nearest swiotlb/);
  expect(found[1]!.message).toMatch(/m\.yaml:3:\d+: .*nothing-like-it\./);
});

test("any dependencies: an order that obeys them, or a circle", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g"];
  const list = fc.subarray(names, { maxLength: 2 });
  let circles = 0;
  const check = (lists: readonly [string[], string[]][]) => {
    const components = names.map((name, index) => component(name, ...lists[index]!));
    // [earlier, later]
    const pairs = lists.flatMap(([after, needs], index) => [
      ...after.map((other) => [other, names[index]!] as const),
      ...needs.map((other) => [names[index]!, other] as const),
    ]);
    const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
      pairs.some(
        ([one, next]) =>
          one === from && (next === to || (!seen.has(next) && reaches(next, to, seen.add(next)))),
      );
    const hasCircle = names.some((name) => reaches(name, name));
    if (hasCircle) circles++;
    const mistakes = mistakesOf(() => orderComponents(components));
    expect(mistakes.length > 0).toBe(hasCircle);
    if (hasCircle) return;
    const ordered = namesOf(orderComponents(components));
    expect([...ordered].sort()).toEqual(names);
    for (const [earlier, later] of pairs)
      expect(ordered.indexOf(earlier)).toBeLessThan(ordered.indexOf(later));
  };
  const none = fc.constant<string[]>([]);
  const some = fc.oneof({ weight: 3, arbitrary: none }, list);
  fc.assert(fc.property(fc.tuple(...names.map(() => fc.tuple(some, some))), check), {
    numRuns: 500,
    seed: 1,
  });
  expect(circles).toBeGreaterThan(50);
  expect(circles).toBeLessThan(450);
});

test("a chain of 20,000 ends", () => {
  const components = Array.from({ length: 20_000 }, (_, index) =>
    component(`c${index}`, index + 1 < 20_000 ? [`c${index + 1}`] : []),
  );
  expect(orderComponents(components)[0]!.name).toBe("c19999");
});

test("the tables and the plan have the order and the needs", () => {
  const source = (name: string) => `int ${name}(int x) { asm volatile(".skip 600, 0x90"); return x; }`;
  const of = (name: string, more: string) =>
    `  ${name}: { title: ${name}, code: [{ objects: ${name}.o }], inUse: { nonZero: used }, canAppear: never, gates: { ${name}: 0 }, ${more} }\n`;
  const folder = buildMiniature({
    ...runtime,
    "gart.c": source("gart"),
    "swiotlb.c": source("swiotlb"),
    "xen.c": source("xen"),
    "main.c": "int gart(int), swiotlb(int), xen(int), used; int main(void) { return gart(swiotlb(xen(0))); }",
    "components.yaml": `components:\n${of("gart", "after: swiotlb, kernels: all of them")}${of("xen", "needs: [swiotlb, absent]")}${of("absent", "after: swiotlb")}${of("swiotlb", "after: []").replace("after: []", "kernels: all")}`,
  });
  expect(linkMiniature(folder).stderr).toBe("");
  const { components } = planOf(folder);
  expect(
    components.map(({ name, state, after, needs, kernels }) => ({ name, state, after, needs, kernels })),
  ).toEqual([
    { name: "xen", state: "planned", after: [], needs: ["swiotlb"], kernels: undefined },
    { name: "swiotlb", state: "planned", after: [], needs: [], kernels: "all" },
    { name: "gart", state: "planned", after: ["swiotlb"], needs: [], kernels: "all of them" },
    { name: "absent", state: "not-built", after: [], needs: [], kernels: undefined },
  ]);
  const tables = readFileSync(join(folder, ".jettison/tables.S"), "latin1");
  const [, needs] = /SYM_DATA_START\(jettison_needs\)\n(.*?)\.Lend/s.exec(tables)!;
  expect(needs!.trim().split(/\s+/)).toEqual([".short", "0,", "1"]);
});
