// SPDX-License-Identifier: Apache-2.0
/** `jettison=audit` on the demo's machines: nothing that a kernel wrote points into what would leave. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { type BootResult, bootMachine } from "../../src/machine/boot.js";
import { loadMachine, usualMachines } from "../../src/machine/machine.js";
import { demoKernel } from "../support/demoKernel.js";

let build: KernelBuild;
const logs = mkdtempSync(join(tmpdir(), "jettison-test-"));
beforeAll(async () => {
  build = await demoKernel();
});
afterAll(() => rmSync(logs, { recursive: true, force: true }));

const boot = (machine: string, ...append: string[]): Promise<BootResult> =>
  bootMachine({ bzImage: build.image }, loadMachine(machine), {
    append: ["jettison=audit", ...append].join(" "),
    fill: false,
    log: join(logs, `${machine}.log`),
  });

test("finds nothing on any machine, and frees nothing", async () => {
  for (const machine of usualMachines) {
    const { audit, pages, components } = await boot(machine);
    expect({ machine, ...audit }).toEqual({
      machine,
      pages: expect.any(Number),
      ...{ data: 0, percpu: 0, slab: 0, stack: 0, other: 0 },
    });
    // The page tables of a guest's memory alone are more.
    expect(audit!.pages).toBeGreaterThan(1000);
    expect(pages).toBe(0);
    expect(components.find(({ component }) => component === "gart")).toMatchObject({
      state: "kept",
      reason: "audit",
    });
  }
});

test("finds a word in data, in a slab object and on a stack, and names each place", async () => {
  const symbols = readFileSync(join(build.output, "System.map"), "utf8");
  const word = /^([0-9a-f]{16}) [tT] amd_iommu_map_pages$/m.exec(symbols)![1]!;
  const { audit, kernelLog } = await boot("q35", `jettison_plant=${word}`);
  // The name of the host; a datagram and the name of a socket; the address of a sender that waits.
  expect(audit).toMatchObject({ data: 1, slab: 2, other: 0 });
  expect(audit!.stack).toBeGreaterThanOrEqual(1);
  const finds = kernelLog.filter((line) => line.includes(" points at amd_iommu_map_pages+0x0/"));
  expect(finds).toHaveLength(audit!.data + audit!.percpu + audit!.slab + audit!.stack);
  for (const place of [
    /: data: init_uts_ns\+0x48\//,
    /: slabs: kmalloc-\d+, /,
    /: stacks: stack of init\[\d+\] /,
  ])
    expect(finds.some((line) => place.test(line) && line.endsWith(" of amd-vi"))).toBe(true);
});
