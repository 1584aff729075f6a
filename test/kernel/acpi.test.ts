// SPDX-License-Identifier: Apache-2.0
/**
 * Firmware tables that describe no IOMMU: Linux stores hooks for power-off all the same, and the functions behind them
 * leave. The whole of it is scripts/torture acpi.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { demoKernel } from "../support/demoKernel.js";
import { bootOdd, bootTable, realTables } from "../torture/acpi.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const { image: bzImage } = await demoKernel();

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

test.each([
  // VT-d: a unit at address 0; five units; a server's, which asks not to use x2APIC.
  ["D19FB82D46CF", ["intel-vtd jettisoned", "amd-vi jettisoned"]],
  ["8A77983183EB", ["intel-vtd kept", "amd-vi jettisoned"]],
  ["E5985CCBA349", ["intel-vtd jettisoned", "amd-vi jettisoned"]],
  // AMD-Vi, of a console.
  ["F3B9E861E0CA", ["intel-vtd jettisoned", "amd-vi kept"]],
] as const)(
  "the table of real computer %s leaves a machine that works, and a state with a reason",
  async (id, wanted) => {
    const { signature, base64 } = realTables.find((table) => table.id === id)!;
    const boot = async (mode: string) =>
      bootTable({
        ...{ bzImage, signature, bytes: Buffer.from(base64, "base64"), scratch },
        append: `jettison=${mode}`,
        log: join(scratch, `${id}-${mode}.log`),
      });
    const [off, on] = [await boot("off"), await boot("selftest")];
    expect([off.trouble, on.trouble]).toEqual([[], []]);
    expect(on.states).toEqual(expect.arrayContaining([...wanted]));
    expect(on.warnings.filter((line) => !off.warnings.includes(line))).toEqual([]);
  },
);
