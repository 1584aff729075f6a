// SPDX-License-Identifier: Apache-2.0
/** Machines past the demo's five: more processors, little memory, much of it, many devices. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { bootMachine } from "../../src/machine/boot.js";
import { loadMachine } from "../../src/machine/machine.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const { image: bzImage } = await makeKernel(demoJob);

test.each([
  // Components that stay, with the reason. 8 GB are more than the tests' own machines may have to be filled.
  ["cpus", true, {}],
  ["small", true, {}],
  ["large", false, { swiotlb: "in-use" }],
  ["devices", false, {}],
] as const)("on %s all that is freed can be used, and no gate is called", async (name, fill, stays) => {
  const { components, pages, selftest, gateCalls } = await bootMachine({ bzImage }, loadMachine(name), {
    ...{ append: "jettison=selftest", fill, log: join(scratch, `${name}.log`), timeout: 300_000 },
  });
  const reasons = Object.fromEntries(components.map(({ component, reason }) => [component, reason]));
  expect(reasons).toMatchObject({ xen: "not-in-use", "intel-vtd": "not-in-use", ...stays });
  expect(selftest).toMatchObject({ pages, failures: 0 });
  expect(gateCalls).toBe(0);
});
