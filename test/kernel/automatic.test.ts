// SPDX-License-Identifier: Apache-2.0
/**
 * Built-in drivers that no manifest describes, in the demo's kernel linked with `automatic`: which leave with which
 * words of the command line, what keeps them, and that they work when they have come back.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { type BootResult, bootMachine } from "../../src/machine/boot.js";
import { loadMachine, type Machine } from "../../src/machine/machine.js";
import { readPlan } from "../../src/plan/readPlan.js";
import { Predictor } from "../../src/predict/predict.js";
import { projectRoot } from "../../src/root.js";
import { demoKernel } from "../support/demoKernel.js";
import { findFaults, runGuest } from "../support/guest/guest.js";
import { patchedBuild } from "../support/patchedBuild.js";
import { expectAgreement, profileGuest } from "../support/profiledGuest.js";

let build: KernelBuild;
let automatic: readonly string[];
const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeAll(async () => {
  const patch = join(projectRoot, "test/kernel/automatic/plant.patch");
  const output = await patchedBuild("demo-automatic", patch);
  build = await makeKernel({ ...demoJob, automatic: true, output });
  const described = new Set(readPlan((await demoKernel()).output).components.map(({ name }) => name));
  automatic = readPlan(build.output)
    .components.map(({ name }) => name)
    .filter((name) => !described.has(name));
});

const boot = (append = "", fill = false): Promise<BootResult> =>
  bootMachine({ bzImage: build.image }, loadMachine("q35"), {
    append,
    fill,
    log: join(scratch, "q35.log"),
  });
const fatesIn = ({ components }: BootResult, names = automatic) =>
  Object.fromEntries(
    names.map((name) => {
      const { state, reason } = components.find(({ component }) => component === name)!;
      return [name, `${state} ${reason}`];
    }),
  );
const all = (fate: string) => Object.fromEntries(automatic.map((name) => [name, fate]));
const exitsIn = ({ kernelLog }: BootResult) =>
  kernelLog.flatMap((line) => /^jettison: (\S+): \w+\(\)$/.exec(line)?.[1] ?? []);

test("drivers without exports become components, after those of manifests", () => {
  expect(automatic).toEqual(expect.arrayContaining(["e1000", "e1000e", "8250_exar", "virtio_net"]));
  expect(build.warnings).toEqual([]);
});

test("a driver stays as long as its device can be plugged in; jettison=off keeps all", async () => {
  const fates = fatesIn(await boot());
  expect(fates).toMatchObject({ e1000: "kept can-appear-hotplug", e1000e: "kept in-use" });
  expect(fatesIn(await boot("jettison=off"))).toEqual(all("kept off"));
});

test("with jettison.hotplug=none what has no device leaves, exit functions first, and the guest uses each page", async () => {
  const result = await boot("jettison.hotplug=none jettison=selftest", true);
  expect(fatesIn(result)).toMatchObject({
    e1000: "jettisoned not-in-use",
    "8250_exar": "jettisoned not-in-use",
    virtio_net: "jettisoned not-in-use",
    // It has a device.
    e1000e: "kept in-use",
    // Its ports are looked for in the background, and it may have found one.
    atkbd: expect.stringMatching(/^kept (found-late|in-use)$/),
  });
  expect(exitsIn(result)).toEqual(expect.arrayContaining(["e1000", "8250_exar", "virtio_net"]));
  expect(exitsIn(result)).not.toContain("e1000e");
  expect(result.selftest).toMatchObject({ failures: 0 });
});

/** The ids that the source of e1000 lists, which are of Intel all. */
function idsOfE1000(): string[] {
  const source = readFileSync(
    join(build.output, "source/drivers/net/ethernet/intel/e1000/e1000_main.c"),
    "latin1",
  );
  const ids = [...source.matchAll(/^\s*INTEL_E1000_ETHERNET_DEVICE\(0x([0-9A-F]{4})\),/gm)];
  return ids.map(([, id]) => `pci:v00008086d0000${id}sv*sd*bc*sc*i*`).sort();
}

test("a driver's own tables say in advance where it leaves: what is predicted of q35 is what its boot frees", async () => {
  const plan = readPlan(build.output);
  const present = new Map(plan.components.map((one) => [one.name, one.present] as const));
  const patternsOf = (name: string) => {
    const found = present.get(name);
    return found?.op === "modalias" ? found.patterns : undefined;
  };
  expect(idsOfE1000().length).toBeGreaterThan(30);
  expect(patternsOf("e1000")).toEqual(idsOfE1000());
  expect(patternsOf("e1000e")).toContain("pci:v00008086d000010D3sv*sd*bc*sc*i*");
  expect(patternsOf("virtio_blk")).toContain("virtio:d00000002v*");
  // A bus whose devices another driver has to find.
  expect(patternsOf("atkbd")).toBeUndefined();

  const machine = loadMachine("q35");
  const log = join(scratch, "profile.log");
  const booted = await profileGuest(build.image, machine, log, "jettison.hotplug=none");
  expect(booted.states).toMatchObject({ e1000: "jettisoned", e1000e: "kept", atkbd: "kept" });
  expectAgreement(new Predictor(plan, (name) => present.get(name)).predict(booted.facts), booted);
});

test("jettison.keep= and a planted pointer keep a driver, and a failed initcall has no exit function called", async () => {
  const result = await boot(
    "jettison.hotplug=none jettison.keep=virtio_net plant=exar_pci_driver initcall_blacklist=e1000_init_module",
  );
  expect(readFileSync(result.log, "utf8")).toContain("planted: 1");
  expect(fatesIn(result)).toMatchObject({
    virtio_net: "kept keep",
    "8250_exar": "kept stray",
    e1000: "jettisoned failed",
  });
  expect(exitsIn(result)).not.toContain("e1000");
  const log = result.kernelLog.join("\n");
  expect(log).toMatch(
    /scan: slabs: kmalloc-\S+ 0x18 of an object points at exar_pci_driver\+0x0\S* of 8250_exar/,
  );
  expect(log).toMatch(/8250_exar: stays \(stray\), \w+\(\) returned 0/);
});

test("jettison.scan=off and jettison.exit=off keep them: nothing shows that no pointer to them is left", async () => {
  const unsearched = await boot(
    "jettison.hotplug=none jettison.scan=off initcall_blacklist=virtio_net_driver_init",
  );
  expect(fatesIn(unsearched)).toEqual({
    ...all("kept scan-off"),
    e1000e: "kept in-use",
    atkbd: expect.stringMatching(/^kept (scan-off|in-use)$/),
  });
  expect(exitsIn(unsearched)).toEqual([]);
  const uncalled = await boot("jettison.hotplug=none jettison.exit=off");
  expect(fatesIn(uncalled)).toMatchObject({ e1000: "kept exit-off", e1000e: "kept in-use" });
  expect(exitsIn(uncalled)).toEqual([]);
});

test("where probes do not end, drivers stay that have not failed, and the boot goes on", async () => {
  const result = await boot("jettison.hotplug=none plant_slow initcall_blacklist=virtio_net_driver_init");
  expect(fatesIn(result)).toMatchObject({
    virtio_net: "jettisoned failed",
    "8250_exar": "kept probing",
    e1000: "kept probing",
    e1000e: "kept in-use",
  });
  expect(exitsIn(result)).toEqual([]);
  expect(result.kernelLog.join("\n")).toMatch(
    /jettison: devices are still being probed after 30 s: built-in drivers stay/,
  );
});

test("no device is given a driver between the question and the exit functions", async () => {
  const result = await boot("jettison.hotplug=none plant_late=e1000");
  expect(exitsIn(result)).toContain("e1000");
  expect(readFileSync(result.log, "utf8").match(/planted: .*(?=\r?$)/gm)).toEqual([
    "planted: it appears, put off",
    "planted: later, bound",
  ]);
});

/** Without a card, and with a slot for one. */
const machine: Machine = {
  ...loadMachine("q35"),
  qemu: [
    ["-M", "q35"],
    ["-device", "pcie-root-port,id=rp9,chassis=9,slot=9"],
  ],
};
const plugIn = (append: string) =>
  runGuest({
    ...{ bzImage: build.image, machine, append, log: join(scratch, "plug.log") },
    script: `
      say "e1000e $(look $J/e1000e/state) $(look $J/e1000e/reason)"
      say "drivers $(ls -d /sys/bus/pci/drivers/e1000e 2>/dev/null)"
      before=$(ls /sys/bus/pci/devices | wc -l)
      say "please plug"
      for wait in $(seq 100); do
        [ $(ls /sys/bus/pci/devices | wc -l) -gt $before ] && break
        usleep 200000
      done
      sleep 1
      say "cards $(ls /sys/class/net | grep -vc '^\\(lo\\|sit\\)')"
      for file in /sys/module/*/parameters/*; do cat $file >/dev/null 2>&1; done`,
    onSaid(line, monitor) {
      if (line === "please plug") monitor("device_add e1000e,romfile=,id=plugged,bus=rp9");
    },
  });

test("a card that is plugged in when its driver has left finds none, the log says why, and the machine goes on", async () => {
  const { lines, said, isDone } = await plugIn("jettison.hotplug=none jettison=selftest");
  expect([said, isDone]).toEqual([
    ["e1000e jettisoned not-in-use", "drivers", "please plug", "cards 0"],
    true,
  ]);
  expect(findFaults(lines)).toBeUndefined();
  const hints = lines.filter((line) =>
    / jettison: pci \S+ has no driver\..* left:.* e1000e.*keep=/.test(line),
  );
  expect(hints).toHaveLength(1);
});

test("a driver whose exit function and then initcall have run again drives a card that is plugged in", async () => {
  const { lines, said, isDone } = await plugIn("jettison.hotplug=none jettison.exit=again");
  expect([said, isDone]).toEqual([
    ["e1000e kept exit-again", "drivers /sys/bus/pci/drivers/e1000e", "please plug", "cards 1"],
    true,
  ]);
  expect(findFaults(lines)).toBeUndefined();
});
