// SPDX-License-Identifier: Apache-2.0
/**
 * Code for the processors of one vendor that is in use on another's. Intel's uncore driver also registers where an Intel PCI
 * device has a discovery table. QEMU has no such device, so a debugger answers the driver's question for one; everything
 * after that is the kernel's own. The table describes no unit then, as a real one whose units are all invalid.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadMachine } from "../../src/machine/machine.js";
import { demoKernel } from "../support/demoKernel.js";
import { debuggedBy, interceptCalls } from "../support/guest/debugger.js";
import { findFaults, runGuest } from "../support/guest/guest.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("Intel's code stays on an AMD processor beside which its uncore driver has registered", async () => {
  const { image: bzImage, output } = await demoKernel();
  const question = / \w (intel_uncore_has_discovery_tables)$/m;
  const line = readFileSync(join(output, "System.map"), "utf8")
    .split("\n")
    .find((one) => question.test(one))!;
  const socket = join(scratch, "debugger");
  const q35 = loadMachine("q35");
  const running = runGuest({
    bzImage,
    // The driver gives up under a hypervisor.
    machine: { ...q35, qemu: [...q35.qemu, ["-cpu", "qemu64,-hypervisor"], ...debuggedBy(socket)] },
    append: "jettison=selftest nokaslr",
    log: join(scratch, "uncore.log"),
    script: `
      say "$(grep -m 1 vendor_id /proc/cpuinfo | cut -d ' ' -f 2)"
      say "$(look $J/cpu-intel/state) $(look $J/cpu-intel/reason)"
      echo 0 >/sys/devices/system/cpu/cpu1/online
      echo 1 >/sys/devices/system/cpu/cpu1/online
      say "calls $(look $J/gate_calls), $(look $JD/selftest_failures) failures"`,
  });
  const calls = await interceptCalls(socket, BigInt(`0x${line.slice(0, 16)}`), () => 1n);
  const { lines, said, isDone } = await running;
  expect([said, isDone, findFaults(lines)]).toEqual([
    ["AuthenticAMD", "kept in-use", "calls 0, 0 failures"],
    true,
    undefined,
  ]);
  expect(calls).toBe(1);
});
