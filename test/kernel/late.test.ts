// SPDX-License-Identifier: Apache-2.0
/** Hardware that turns up when what would drive it has left: it is said, once, and how to have it back. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadMachine } from "../../src/machine/machine.js";
import { demoKernel } from "../support/demoKernel.js";
import { findFaults, isGateCall, runGuest } from "../support/guest/guest.js";
import { buildModules } from "../support/guest/modules.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const build = await demoKernel();

/** busybox's `uevent` runs it for every event of the kernel, with what the event says as its environment. */
const listener = `#!/bin/busybox sh
[ -n "$GATE" ] && echo "<1>guest-says: uevent $ACTION $COMPONENT $GATE" >/dev/kmsg
true
`;

/** One that no device is behind: with devices Linux 6.12 itself does not survive that its driver is taken away. */
const machine = {
  ...loadMachine("virtio-iommu"),
  qemu: [
    ["-M", "q35,default_bus_bypass_iommu=on"],
    ["-device", "virtio-iommu-pci"],
  ],
};

/**
 * QEMU plugs no virtio-iommu into a running machine. So it is there from the start, is taken out while the kernel
 * boots, right before it decides what leaves, and put in again afterwards. For that the kernel is given a console
 * that no driver has: it then asks user space for a module, and user space takes the device out.
 */
const virtioIommu = {
  bzImage: build.image,
  machine,
  console: [60, 0] as const,
  files: {
    "bin/listener": listener,
    "sbin/modprobe": `#!/bin/busybox sh
      [ "$3" = char-major-60-0 ] || exit 0
      /bin/busybox mount -t sysfs none /sys
      for device in /sys/bus/pci/devices/*; do
        read id <$device/device
        [ $id = 0x1057 ] && echo 1 >$device/remove
      done`,
  },
  script: `
    say "before $(look $J/virtio-iommu/state) $(look $J/virtio-iommu/reason)"
    say "iommus $(ls /sys/class/iommu | wc -l)"
    uevent /bin/listener &
    sleep 1
    echo 1 >/sys/bus/pci/rescan
    sleep 1
    say "calls $(look $J/virtio-iommu/gate_calls)"
    say "iommus $(ls /sys/class/iommu | wc -l)"`,
};

test("a driver whose hardware can be plugged in later stays, and drives it then", async () => {
  const { lines, said, isDone } = await runGuest({ ...virtioIommu, log: join(scratch, "stays.log") });
  expect([said, isDone]).toEqual([
    ["before kept can-appear-hotplug", "iommus 0", "calls 0", "iommus 1"],
    true,
  ]);
  expect(findFaults(lines)).toBeUndefined();
});

test("dropped all the same, it is missed with one line in the log, and one event", async () => {
  const { lines, said, isDone } = await runGuest({
    ...virtioIommu,
    append: "jettison.drop=virtio-iommu",
    log: join(scratch, "dropped.log"),
  });
  expect([said, isDone]).toEqual([
    [
      ...["before jettisoned drop", "iommus 0", "uevent change virtio-iommu viommu_probe"],
      ...["calls 1", "iommus 0"],
    ],
    true,
  ]);
  expect(lines.filter((line) => line.includes("jettison.keep=")).length).toBe(1);
  expect(lines.join("\n")).toMatch(/called viommu_probe\(\), which is gone.*jettison\.keep=virtio-iommu/);
  expect(findFaults(lines, isGateCall)).toBeUndefined();
});

test("another PCI host bridge works without VT-d, which has no part in it", async () => {
  mkdirSync(join(scratch, "modules"));
  const modules = await buildModules(build.output, join(scratch, "modules"), ["adds_root"]);
  const { lines, said, isDone } = await runGuest({
    bzImage: build.image,
    machine: loadMachine("q35"),
    files: { "bin/listener": listener, ...modules },
    log: join(scratch, "root.log"),
    script: `
      uevent /bin/listener &
      sleep 1
      try insmod /adds_root.ko
      sleep 1
      say "bus $(ls -d /sys/devices/pci0000:20)"
      say "calls $(look $J/intel-vtd/gate_calls)"`,
  });
  expect([[...said].sort(), isDone]).toEqual([
    ["bus /sys/devices/pci0000:20", "calls 0", "insmod /adds_root.ko = 0"],
    true,
  ]);
  expect(findFaults(lines)).toBeUndefined();
});
