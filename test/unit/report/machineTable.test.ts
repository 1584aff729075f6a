// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { checkPair } from "../../../src/boots/demoBoots.js";
import { toDemoMachine } from "../../../src/boots/demoJson.js";
import type { BootResult } from "../../../src/machine/boot.js";
import { formatMachineTable, formatMemory, isStyled } from "../../../src/report/machineTable.js";

const names = ["amd-vi", "gart", "hyperv-iommu", "intel-vtd", "virtio-iommu", "xen-swiotlb"];

function boot(over: Partial<BootResult> = {}): BootResult {
  return {
    ...{ machine: "vtd", memTotal: 248_000 * 1024, mode: "selftest" },
    ...{ components: [], pages: 0, bytes: 0, gateCalls: 0, selftest: null, audit: null },
    ...{ mappings: null, releaseNs: null, memory: null },
    fill: { tmpfsBytes: 1, slabBytes: 1, codePages: null },
    ...{ bootSeconds: 1, seconds: 2, kernelLog: [], log: "x.log" },
    ...over,
  };
}

const on = boot({
  memTotal: 248_052 * 1024,
  pages: 13,
  bytes: 13 * 4096,
  selftest: { pages: 13, failures: 0, gates: 3 },
  components: names.map((component, index) => ({
    component,
    state: (["jettisoned", "kept", "withheld", "refused"] as const)[index % 4]!,
    reason: "not-in-use",
    bytes: 4096 * (index + 8),
    gateCalls: 0,
  })),
});
const machine = toDemoMachine(boot({ mode: "off" }), on);

test("demo.json holds a machine's two boots", () => {
  expect(machine).toMatchObject({
    ...{ machine: "vtd", pagesFreed: 13, memTotalOff: 253952000, memTotalOn: 254005248 },
    selftest: { pages: 13, failures: 0 },
  });
  expect(machine.components[0]).toEqual({
    ...{ component: "amd-vi", state: "jettisoned", reason: "not-in-use", pages: 8, bytes: 32768 },
  });
});

test("the table is plain where it is not styled, and fits a terminal", () => {
  const machines = ["vtd", "amdvi", "q35", "pc", "virtio-iommu", "xen-dom0", "xen-pvh"];
  const text = formatMachineTable(
    machines.map((name) => ({ ...machine, machine: name })),
    { styled: false },
  );
  expect(text).toMatch(/^[\n -~]+$/);
  const lines = text.split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
  expect(lines.filter((line) => names.some((name) => line.startsWith(`| ${name} `)))).toHaveLength(
    names.length,
  );
  expect(lines[1]!.match(/[a-z0-9-]+/g)).toEqual(["component", ...machines]);
  expect(text).toContain("8 freed");
  expect(text).toContain("248,052");
});

test("colours are for terminals that want them", () => {
  expect(formatMachineTable([machine], { styled: true })).toContain("\u001b[32m");
  expect(isStyled({ isTTY: true }, {})).toBe(true);
  expect(isStyled({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
  expect(isStyled({ isTTY: false }, {})).toBe(false);
  expect(isStyled({}, {})).toBe(false);
});

test("a pair of boots has to agree with itself", () => {
  const off = boot({ mode: "off" });
  const codes = (over: Partial<BootResult>) => checkPair(off, { ...on, ...over }).map((one) => one.code);
  expect(codes({})).toEqual([]);
  expect(codes({ memTotal: on.memTotal + 4096 })).toEqual(["memory-differs"]);
  expect(codes({ selftest: { pages: 13, failures: 1, gates: 0 } })).toEqual(["selftest-failed"]);
  expect(codes({ selftest: { pages: 12, failures: 0, gates: 0 } })).toEqual(["selftest-absent"]);
  expect(codes({ selftest: null })).toEqual(["selftest-absent"]);
  const fill = { tmpfsBytes: 1, slabBytes: 1, codePages: { user: 6, slab: 3, used: 6, left: 12 } };
  expect(codes({ fill })).toEqual([]);
  expect(codes({ fill: { ...fill, codePages: { ...fill.codePages, used: 5 } } })).toEqual(["freed-unused"]);
});

test("page tables and the direct map of both boots are shown in kB, where both guests said them", () => {
  const use = (pageTables: number) => ({
    ...{ free: 200_000 * 1024, pageTables: pageTables * 1024 },
    ...{ directMap4k: 24_576 * 1024, directMap2M: 237_568 * 1024 },
  });
  const result = toDemoMachine(boot({ mode: "off", memory: use(100) }), { ...on, memory: use(108) });
  expect(formatMemory([machine, result])).toContain(
    "vtd: MemFree 200,000 / 200,000, PageTables 100 / 108, DirectMap4k 24,576 / 24,576, DirectMap2M 237,568 / 237,568",
  );
  expect(formatMemory([machine])).toBe("");
});
