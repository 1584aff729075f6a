// SPDX-License-Identifier: Apache-2.0
/** The demo's kernel on all of its machines: what issue and README promise, measured. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyBuild } from "../../src/9-verify/verifyBuild.js";
import { type DemoBoots, demoBoots } from "../../src/boots/demoBoots.js";
import type { DemoMachine } from "../../src/boots/demoJson.js";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { bootMachine } from "../../src/machine/boot.js";
import { loadMachine, usualMachines } from "../../src/machine/machine.js";
import type { Plan } from "../../src/plan/plan.js";
import { demoKernel } from "../support/demoKernel.js";

let build: KernelBuild;
let plan: Plan;
const logs = mkdtempSync(join(tmpdir(), "jettison-test-"));
beforeAll(async () => {
  build = await demoKernel();
  plan = JSON.parse(readFileSync(join(build.output, "plan.json"), "utf8")) as Plan;
});
afterAll(() => rmSync(logs, { recursive: true, force: true }));

test("nothing is refused, and less than 2 kB of VT-d's text stays", () => {
  expect(plan.refusals).toEqual([]);
  const { owned, leaving } = plan.components.find(({ name }) => name === "intel-vtd")!;
  expect(leaving.text).toBeGreaterThan(60_000);
  expect(owned.text! - leaving.text!).toBeLessThan(2048);
});

test("bytes in are bytes placed: every unit with owners is in a region or stays, and they add up", () => {
  const inRegions = plan.units.filter(({ region }) => region !== undefined);
  for (const region of plan.regions) {
    const bytes = inRegions
      .filter((unit) => unit.region === region.name)
      .reduce((sum, unit) => sum + unit.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(region.bytes);
    expect(region.bytes).toBeLessThanOrEqual(region.pages * 4096);
    // Functions are aligned to 16 bytes, data to 32, and 16 bytes guard each end: nothing else may come between them,
    // but that a variable may have to begin with a page (KVM's clock).
    const between = region.kind === "text" ? 16 * (region.units + 2) : 32 * (region.units + 2) + 4096;
    expect(region.bytes - bytes).toBeLessThan(between);
  }
  const total = (list: readonly { readonly bytes: number }[]) =>
    list.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const kind of ["text", "rodata", "data", "bss"] as const) {
    const staying = plan.units.filter((unit) => unit.kind === kind && unit.region === undefined);
    const names = new Set(staying.map(({ object, section }) => `${object}:(${section})`));
    const pinned = plan.pins.filter(({ unit }) => names.has(unit));
    const small = plan.tooSmall.filter((one) => one.kind === kind);
    expect([kind, total(staying)]).toEqual([kind, total(small) + total(pinned)]);
  }
});

test("drivers take their data along, so that few of their tables need gates", () => {
  const ofDriver = (name: string) => plan.components.find((one) => one.name === name)!;
  for (const name of ["amd-vi", "intel-vtd", "gart"]) {
    const { owned, leaving } = ofDriver(name);
    // VT-d's strings for hot-plugged units stay with the functions in .ref.text that print them.
    expect(leaving.rodata! / owned.rodata!).toBeGreaterThan(name === "intel-vtd" ? 0.7 : 0.95);
    expect(ofDriver(name).gates).toBeLessThan(20);
  }
  expect(ofDriver("intel-vtd").leaving.data).toBe(ofDriver("intel-vtd").owned.data);
  expect(ofDriver("intel-vtd").leaving.bss).toBeGreaterThan(3000);
  expect(plan.regions.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["rodata", "data", "bss"]));
});

test("nothing that stays refers to what leaves, and a gate stands for every crossing", async () => {
  const { harmless, violations, misplaced } = verifyBuild(build.output);
  expect({ violations, misplaced }).toEqual({ violations: [], misplaced: [] });
  expect(harmless.gate).toBe(plan.gates.length);
});

describe("on the machines", () => {
  let boots: DemoBoots;
  beforeAll(async () => {
    const machines = usualMachines.map((name) => loadMachine(name));
    boots = await demoBoots({ bzImage: build.image }, machines, { logFolder: logs });
  });
  const on = (name: string): DemoMachine => boots.machines.find(({ machine }) => machine === name)!;
  const states = (name: string) =>
    Object.fromEntries(
      on(name).components.map(({ component, state, reason }) => [component, `${state} ${reason}`]),
    );
  const gone = "jettisoned not-in-use";
  const always = {
    ...{ "virtio-iommu": "kept can-appear-hotplug", "hyperv-iommu": gone, swiotlb: gone },
    ...{ hyperv: gone, "kvm-guest": gone, xen: gone, padding: gone, "init-only": gone },
  };
  const onAmd = { "cpu-amd": "kept in-use", "cpu-intel": gone };
  const onIntel = { "cpu-intel": "kept in-use", "cpu-amd": gone };
  const forVirtio = { "iommu-core": "kept needed-by-virtio-iommu" };
  // Its test cannot tell one IOMMU from another.
  const besideOthers = { "iommu-core": "kept in-use", "virtio-iommu": "kept in-use" };
  const pagesOfPadding = (name: string) =>
    on(name).components.find(({ component }) => component === "padding")!.pages;

  test.each([
    ["vtd", { ...onIntel, "intel-vtd": "kept in-use", ...besideOthers, "amd-vi": gone }, 92],
    ["amdvi", { ...onAmd, "amd-vi": "kept in-use", ...besideOthers, "intel-vtd": gone }, 115],
    ["q35", { ...onAmd, "amd-vi": gone, "intel-vtd": gone, ...forVirtio }, 135],
    ["pc", { ...onAmd, "amd-vi": gone, "intel-vtd": gone, ...forVirtio }, 135],
  ])("%s keeps what it uses and gets the rest back", (name, expected, least) => {
    expect(states(name)).toEqual({ ...always, gart: gone, "xen-swiotlb": gone, ...expected });
    const { pagesFreed, memTotalOn, memTotalOff, selftest, components } = on(name);
    expect(pagesFreed - pagesOfPadding(name)).toBeGreaterThanOrEqual(least);
    expect(pagesOfPadding(name)).toBeGreaterThanOrEqual(100);
    expect(memTotalOn - memTotalOff).toBe(4096 * pagesFreed);
    expect(selftest).toEqual({ pages: pagesFreed, failures: 0 });
    const freed = components.filter(({ state }) => state === "jettisoned");
    expect(freed.reduce((sum, { pages }) => sum + pages, 0)).toBe(pagesFreed);
  });

  test("Xen's dom0 keeps what it needs as a PV guest and gets the rest back", () => {
    expect(states("xen-dom0")).toEqual({
      "xen-swiotlb": "kept in-use",
      "amd-vi": gone,
      "intel-vtd": gone,
      gart: gone,
      ...always,
      ...onAmd,
      ...forVirtio,
      xen: "kept in-use",
      swiotlb: "kept in-use",
    });
    const { pagesFreed, memTotalOn, memTotalOff, selftest } = on("xen-dom0");
    expect(pagesFreed - pagesOfPadding("xen-dom0")).toBeGreaterThanOrEqual(82);
    expect(memTotalOn - memTotalOff).toBe(4096 * pagesFreed);
    expect(selftest).toEqual({ pages: pagesFreed, failures: 0 });
  });

  test("without a virtual IOMMU to come the core of all IOMMUs leaves", async () => {
    const result = await bootMachine({ bzImage: build.image }, loadMachine("q35"), {
      append: "jettison=selftest jettison.drop=virtio-iommu",
      log: join(logs, "q35-core.log"),
    });
    const core = result.components.find(({ component }) => component === "iommu-core")!;
    expect(core).toMatchObject({ state: "jettisoned", reason: "not-in-use" });
    expect(core.bytes).toBeGreaterThanOrEqual(8 * 4096);
    expect(result.selftest).toMatchObject({ pages: result.pages, failures: 0 });
    expect(result.gateCalls).toBe(0);
  });

  test("the command line keeps and drops, but drops nothing that is in use or needed", async () => {
    const result = await bootMachine({ bzImage: build.image }, loadMachine("vtd"), {
      append:
        "jettison=selftest jettison.keep=amd-vi,xen-swiotlb jettison.drop=intel-vtd,virtio-iommu,swiotlb",
      log: join(logs, "vtd-words.log"),
    });
    const found = Object.fromEntries(
      result.components.map(({ component, state, reason }) => [component, `${state} ${reason}`]),
    );
    expect(found).toMatchObject({
      "amd-vi": "kept keep",
      "intel-vtd": "kept in-use",
      "virtio-iommu": "kept in-use",
      // SWIOTLB stays because Xen-SWIOTLB needs it, and its reason says so.
      "xen-swiotlb": "kept keep",
      swiotlb: "kept needed-by-xen-swiotlb",
    });
    expect(result.selftest).toMatchObject({ pages: result.pages, failures: 0 });
    expect(result.gateCalls).toBe(0);
  });
});
