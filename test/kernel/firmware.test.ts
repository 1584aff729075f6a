// SPDX-License-Identifier: Apache-2.0
/**
 * Calls of what left when a machine goes off: after all other processors have been stopped, with interrupts off. Firmware
 * tables that describe no unit have Linux store a hook for that moment; the gates of these expect it. A module's
 * handler makes a call there that nobody expects.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { loadMachine } from "../../src/machine/machine.js";
import { findFaults, isGateCall, runGuest } from "../guest/guest.js";
import { buildModules } from "../guest/modules.js";

let build: KernelBuild;
const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
beforeAll(async () => {
  build = await makeKernel({ ...demoJob, targets: ["bzImage", "modules"] });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const q35 = loadMachine("q35");

/** What follows an ACPI table's header. DMAR: 39 bits of address, no flags, reserved. IVRS: IVinfo, reserved. */
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

test.each(["poweroff", "reboot"])(
  "a call at %s that nobody expects is logged, and panics nobody",
  async (way) => {
    const folder = join(scratch, way);
    mkdirSync(folder);
    const { lines, said, isDone } = await runGuest({
      bzImage: build.image,
      machine: q35,
      append: "panic_on_warn=1",
      files: await buildModules(build.output, folder, ["calls_late"]),
      log: join(scratch, `${way}.log`),
      script: `
      try insmod /calls_late.ko
      [ ${way} = reboot ] && { say done; reboot -f; }`,
    });
    expect([said, isDone]).toEqual([["insmod /calls_late.ko = 0"], true]);
    const calls = lines.filter(isGateCall);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatch(
      /jettison: call_late\+\S+ \[calls_late\] called amd_iommu_activate_guest_mode\(\), which is gone, and got -19\. Boot with jettison\.keep=amd-vi$/,
    );
    expect(findFaults(lines)).toContain("which is gone");
    expect(findFaults(lines, isGateCall)).toBeUndefined();
  },
);
