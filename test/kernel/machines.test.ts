// SPDX-License-Identifier: Apache-2.0
/**
 * Machines past the demo's five: more processors, little memory, much of it, many devices. Two need a kernel with CONFIG_NUMA and
 * CONFIG_EFI, which the demo's has not: scripts/machines gives one by JETTISON_IMAGE, and then only these two are tested.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bootMachine } from "../../src/machine/boot.js";
import { loadMachine } from "../../src/machine/machine.js";
import { demoKernel } from "../support/demoKernel.js";
import { findFaults, runGuest } from "../support/guest/guest.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const given = process.env.JETTISON_IMAGE;
const bzImage = given ?? (await demoKernel()).image;

const ofDemo = [
  // Components that stay, with the reason. 8 GB are more than the tests' own machines may have to be filled.
  ["cpus", true, {}],
  ["small", true, {}],
  ["large", false, { swiotlb: "in-use" }],
  ["devices", false, {}],
] as const;
test.for(given === undefined ? ofDemo : [])(
  "on %s all that is freed can be used, and no gate is called",
  async ([name, fill, stays]) => {
    const { components, pages, selftest, gateCalls } = await bootMachine({ bzImage }, loadMachine(name), {
      ...{ append: "jettison=selftest", fill, log: join(scratch, `${name}.log`), timeout: 300_000 },
    });
    const reasons = Object.fromEntries(components.map(({ component, reason }) => [component, reason]));
    expect(reasons).toMatchObject({ xen: "not-in-use", "intel-vtd": "not-in-use", ...stays });
    expect(selftest).toMatchObject({ pages, failures: 0 });
    expect(gateCalls).toBe(0);
  },
);

/** The kB that each memory node has, and the pages that left. */
async function memoryOfNodes(append: string) {
  const { lines, said, isDone } = await runGuest({
    ...{ bzImage, append, machine: loadMachine("numa"), log: join(scratch, "numa.log"), timeout: 900_000 },
    script: `
      say "pages $(cat $J/pages)"
      [ -e $JD/selftest_failures ] && say "failures $(cat $JD/selftest_failures)"
      for node in 0 1; do say "node $(grep MemTotal /sys/devices/system/node/node$node/meminfo)"; done`,
  });
  expect(isDone, lines.slice(-20).join("\n")).toBe(true);
  expect(findFaults(lines)).toBeUndefined();
  const nodes = said.flatMap((line) => /MemTotal: *(\d+) kB/.exec(line)?.[1] ?? []).map(Number);
  console.log(`numa ${append}: ${said.join("; ")}`);
  const failures = said.find((line) => line.startsWith("failures "));
  return { nodes, failures, pages: Number(/pages (\d+)/.exec(said.join("\n"))?.[1]) };
}

if (given !== undefined) {
  test("on numa the pages go to the node whose memory they are", async () => {
    const on = await memoryOfNodes("jettison=selftest");
    const off = await memoryOfNodes("jettison=off");
    expect([on.nodes.length, off.nodes.length, off.pages]).toEqual([2, 2, 0]);
    expect(on.pages).toBeGreaterThan(100);
    expect(on.failures).toBe("failures 0");
    // The image lies in the first.
    expect(on.nodes.map((size, node) => size - off.nodes[node]!)).toEqual([4 * on.pages, 0]);
  });

  test("on uefi what q35 frees is freed, and can be used", async () => {
    const bootOn = (name: string) =>
      bootMachine({ bzImage }, loadMachine(name), {
        ...{ append: "jettison=selftest", fill: true, log: join(scratch, `${name}.log`), timeout: 900_000 },
      });
    const uefi = await bootOn("uefi");
    const firmware = /efi: EFI v\d.*/.exec(readFileSync(uefi.log, "utf8"))?.[0];
    console.log(`uefi: ${uefi.pages} pages; ${firmware}`);
    expect(firmware).toContain("EDK II");
    expect(uefi.selftest).toMatchObject({ pages: uefi.pages, failures: 0 });
    expect(uefi.gateCalls).toBe(0);
    expect(uefi.pages).toBe((await bootOn("q35")).pages);
  });
}
