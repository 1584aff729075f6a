// SPDX-License-Identifier: Apache-2.0
/**
 * Firmware tables that describe no IOMMU: Linux stores hooks for power-off all the same, and the functions behind them
 * leave. The whole of it is scripts/torture acpi.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { bootOdd } from "../torture/acpi.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const { image: bzImage } = await makeKernel({ ...demoJob, targets: ["bzImage", "modules"] });

test.each([
  ["dmar-no-unit", "", "intel-vtd"],
  ["dmar-address-0", "intel_iommu=on iommu=pt", "intel-vtd"],
  ["ivrs-no-unit", "", "amd-vi"],
] as const)(
  "%s %s: %s leaves, and power-off is silent though warnings are fatal",
  async (table, line, leaves) => {
    const { states, trouble } = await bootOdd({
      ...{ bzImage, table, scratch, append: `jettison=selftest panic_on_warn=1 ${line}` },
      log: join(scratch, `${table}.log`),
    });
    expect(trouble).toEqual([]);
    expect(states).toContain(`${leaves} jettisoned`);
  },
);
