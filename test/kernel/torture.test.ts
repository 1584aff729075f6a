// SPDX-License-Identifier: Apache-2.0
/** The part of the torture for which the demo's kernel will do. The whole of it is scripts/torture. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadMachine } from "../../src/machine/machine.js";
import { demoKernel } from "../support/demoKernel.js";
import { buildModules } from "../support/guest/modules.js";
import { torture } from "../torture/torture.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const build = await demoKernel();
mkdirSync(join(scratch, "modules"));
const modules = await buildModules(build.output, join(scratch, "modules"), ["harmless"]);

test("a machine that starts with one processor and gets its second, whose memory is used and whose card goes", async () => {
  const { parts, gone, trouble } = await torture({
    bzImage: build.image,
    machine: { ...loadMachine("q35"), memory: 128 },
    parts: ["files", "cpus", "keys", "pci", "modules", "memory"],
    modules,
    append: "maxcpus=1 panic_on_warn=1",
    log: join(scratch, "q35.log"),
  });
  expect(trouble).toEqual([]);
  expect(gone).toMatch(/amd-vi.*intel-vtd/);
  expect(parts.keys).toMatch(/^ok packet-stamps perf rfs rps without:/);
  expect(Object.values(parts).every((part) => part.startsWith("ok"))).toBe(true);
});

test("a machine with an IOMMU in use, whose processors come and go and whose card goes", async () => {
  const { parts, gone, trouble } = await torture({
    bzImage: build.image,
    machine: { ...loadMachine("vtd"), memory: 128 },
    parts: ["files", "cpus", "pci", "modules"],
    modules,
    log: join(scratch, "vtd.log"),
  });
  expect(trouble).toEqual([]);
  expect(gone).toContain("amd-vi");
  expect(Object.values(parts).every((part) => part.startsWith("ok"))).toBe(true);
});
