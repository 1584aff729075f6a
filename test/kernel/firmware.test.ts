// SPDX-License-Identifier: Apache-2.0
/**
 * Firmware tables that describe no unit. Linux stores the hook that switches the IOMMU off when it finds the table, and
 * calls it when the machine goes off: after all other processors have been stopped, with interrupts off. The gates of
 * these hooks expect it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { loadMachine } from "../../src/machine/machine.js";
import { demoKernel } from "../support/demoKernel.js";
import { findFaults, runGuest } from "../support/guest/guest.js";

let build: KernelBuild;
const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
beforeAll(async () => {
  build = await demoKernel();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const q35 = loadMachine("q35");

/** The bytes behind an ACPI table's header. DMAR: 39 bits of address, no flags, reserved. IVRS: IVinfo, reserved. */
const bodies = {
  DMAR: Buffer.from([38, 0, ...Array(10).fill(0)]),
  IVRS: Buffer.from([0x02, 0x30, 0x20, 0x00, ...Array(8).fill(0)]),
};

test.each([
  ["DMAR", "poweroff", "intel-vtd"],
  ["DMAR", "reboot", "intel-vtd"],
  ["IVRS", "poweroff", "amd-vi"],
] as const)(
  "with an empty %s %s calls a hook that is gone, and nobody hears of it",
  async (table, way, component) => {
    const data = join(scratch, table);
    writeFileSync(data, bodies[table]);
    const { lines, said, isDone } = await runGuest({
      bzImage: build.image,
      machine: { ...q35, qemu: [...q35.qemu, ["-acpitable", `sig=${table},rev=1,data=${data}`]] },
      append: "panic_on_warn=1",
      log: join(scratch, `${table}-${way}.log`),
      script: `
      say "$(look $J/${component}/state) $(look $J/gate_calls) $(look /proc/sys/kernel/panic_on_warn)"
      [ ${way} = reboot ] && { say done; reboot -f; }`,
    });
    expect([said, isDone]).toEqual([["jettisoned 0 1"], true]);
    expect(findFaults(lines)).toBeUndefined();
  },
);
