// SPDX-License-Identifier: Apache-2.0
/** Modules and what they use of components that left: exports by every rule, and all gates under load. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cacheFolder } from "../../src/cache.js";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { demoJob, type KernelJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { loadMachine } from "../../src/machine/machine.js";
import { readPlan } from "../../src/plan/readPlan.js";
import { projectRoot } from "../../src/root.js";
import { demoKernel } from "../support/demoKernel.js";
import { findFaults, isGateCall, runGuest } from "../support/guest/guest.js";
import { buildModules } from "../support/guest/modules.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Makes Module.symvers, which make needs to build modules against a kernel. */
const modules = ["uses_exports", "gets_symbol"];

function folderFor(name: string): string {
  const folder = join(scratch, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function readAddresses({ output }: KernelBuild): ReadonlyMap<string, string> {
  const lines = readFileSync(join(output, "System.map"), "utf8").split("\n");
  return new Map(
    lines.map((line) => line.split(" ")).map(([address, , name]) => [name ?? "", `0x${address}`] as const),
  );
}

describe("the demo's kernel", () => {
  let build: KernelBuild;
  let built: Record<string, Uint8Array>;
  beforeAll(async () => {
    build = await demoKernel();
    built = await buildModules(build.output, folderFor("demo"), [
      ...modules,
      ...["asks_around", "calls_gates", "looks_up", "sets_presence"],
    ]);
  });

  test("a module that uses exports of what left is loaded, and its calls get the manifest's answers", async () => {
    const { lines, said, isDone } = await runGuest({
      bzImage: build.image,
      machine: loadMachine("q35"),
      files: built,
      log: join(scratch, "exports.log"),
      script: `
        uevent sh -c 'echo "$SUBSYSTEM $ACTION $DEVPATH $COMPONENT $GATE"' >/tmp/events &
        sleep 1
        try insmod /uses_exports.ko
        try rmmod uses_exports
        try insmod /gets_symbol.ko
        sleep 1
        grep ^jettison /tmp/events | sort | while read line; do say "event $line"; done
        say "amd-vi $(look $J/amd-vi/state) $(look $J/amd-vi/gate_calls)"
        say "intel-vtd $(look $J/intel-vtd/state) $(look $J/intel-vtd/gate_calls)"`,
    });
    expect([said, isDone]).toEqual([
      [
        "init: register 0, activate -19, optin 0, enabled 0",
        "symbol_get: optin 0",
        "insmod /uses_exports.ko = 0",
        "exit: register 0, activate -19, optin 0, enabled 0",
        "rmmod uses_exports = 0",
        "symbol_get found it",
        "insmod /gets_symbol.ko = 0",
        // One for the function that has no business here, however often it was called; the others are expected.
        "event jettison change /kernel/jettison/amd-vi amd-vi amd_iommu_activate_guest_mode",
        "amd-vi jettisoned 2",
        "intel-vtd jettisoned 0",
      ],
      true,
    ]);
    // Each function once, with the caller and what helps.
    const warned = lines.flatMap((line) => /jettison: (\S+)\+\S+ \[\w+\] called (.*)/.exec(line) ?? []);
    expect(warned.filter((_, index) => index % 3 !== 0)).toEqual([
      "use_exports",
      "amd_iommu_activate_guest_mode(), which is gone, and got -19. Boot with jettison.keep=amd-vi",
    ]);
    expect(findFaults(lines, isGateCall)).toBeUndefined();
  });

  test("calls that modules make on any machine get the functions' own answers, and a group needs no IOMMU", async () => {
    const ask = async (mode: string) => {
      const { lines, said, isDone } = await runGuest({
        ...{ bzImage: build.image, machine: loadMachine("q35"), files: built },
        // A virtio IOMMU, which can be plugged in, would keep the core.
        append: `jettison=${mode} jettison.drop=virtio-iommu`,
        log: join(scratch, `asks-${mode}.log`),
        script: `
          try insmod /asks_around.ko
          G=/sys/kernel/iommu_groups/0
          say "$(ls $G/devices) is in $(cat $G/name), $(cat $G/type), reserved $(cat $G/reserved_regions)"
          try sh -c "echo identity >$G/type"
          try rmmod asks_around
          say "groups $(ls /sys/kernel/iommu_groups | wc -l)"
          [ -d $J ] && say "calls $(cat $J/gate_calls) core $(look $J/iommu-core/state)"`,
      });
      expect([isDone, findFaults(lines)]).toEqual([true, undefined]);
      return said;
    };
    const [own, gates] = [await ask("off"), await ask("on")];
    expect(gates.slice(0, -1)).toEqual(own.slice(0, -1));
    expect(gates.at(-1)).toBe("calls 0 core jettisoned");
    expect(own.at(-1)).toBe("calls 0 core kept");
    expect(own).toContain("group 0 error 0 found 1 claimed 0");
    expect(own).toContain("asks_around is in without an IOMMU, unknown, reserved");
    expect(own).toContain("groups 0");
  });

  test("a page that is taken out of the direct map and put back does not come back to the image", async () => {
    const addresses = readAddresses(build);
    const symbols = { clear: "set_memory_np", set: "set_memory_p", start: "_text", end: "_etext" };
    const parameters = Object.entries(symbols).map(
      ([parameter, symbol]) => `${parameter}=${addresses.get(symbol)}`,
    );
    const { lines, said, isDone } = await runGuest({
      // With one processor nobody looks at the pages meanwhile.
      ...{ bzImage: build.image, machine: { ...loadMachine("q35"), cpus: 1 }, files: built },
      append: "jettison=selftest",
      log: join(scratch, "presence.log"),
      script: `
        mkdir /fill
        mount -t tmpfs -o size=100% none /fill
        dd if=/dev/zero of=/fill/file bs=1M count=160
        insmod /sets_presence.ko ${parameters.join(" ")}
        say "$(look /sys/kernel/debug/check_wx_pages), failures $(look $JD/selftest_failures)"`,
    });
    expect([said, isDone]).toEqual([["failed 0, back 0", "enough 1", "SUCCESS, failures 0"], true]);
    expect(findFaults(lines)).toBeUndefined();
  });

  test("names of code, constants and variables that left are not found", async () => {
    const names = [
      "amd_iommu_probe_device",
      "amd_iommu_ops",
      "amd_iommu_list",
      "schedule_timeout",
      "jiffies",
    ];
    const { lines, said, isDone } = await runGuest({
      bzImage: build.image,
      machine: loadMachine("q35"),
      files: built,
      log: join(scratch, "names.log"),
      script: `
        LOOKUP=${readAddresses(build).get("kallsyms_lookup_name")}
        insmod /looks_up.ko lookup=$LOOKUP names=${names.join(",")} && say loaded`,
    });
    const expected = names.map((name) => `${name} ${name.startsWith("amd_") ? "gone" : "found"}`);
    expect([said, isDone]).toEqual([[...expected, "loaded"], true]);
    expect(findFaults(lines)).toBeUndefined();
  });

  test("where the component stays a module gets the function itself", async () => {
    const { lines, said, isDone } = await runGuest({
      bzImage: build.image,
      machine: loadMachine("q35"),
      append: "jettison.keep=intel-vtd,amd-vi",
      files: built,
      log: join(scratch, "kept.log"),
      script: `
        try insmod /gets_symbol.ko
        say "$(look $J/intel-vtd/state) $(look $J/gate_calls)"`,
    });
    expect([said, isDone]).toEqual([["symbol_get found it", "insmod /gets_symbol.ko = 0", "kept 0"], true]);
    expect(findFaults(lines)).toBeUndefined();
  });

  /** Regions whose gates have been called, on one of the machines. */
  const tried = new Set<string>();

  // The component that stays on one machine is gone on the other.
  test.each([
    ["q35", "jettison.drop=virtio-iommu"],
    ["vtd", ""],
  ])(
    "every gate, called from all CPUs beside calls by pointers from before, is counted: %s",
    async (name, append) => {
      const rounds = 200;
      const cpus = 4; // as many as this kernel is built for
      const addresses = readAddresses(build);
      const parameters = Object.entries({
        gates: "jettison_gates",
        nr_gates: "jettison_nr_gates",
        shut: "jettison_region_shut",
        calls: "jettison_gate_calls",
        domain_ops: "hyperv_ir_domain_ops",
      }).map(([parameter, symbol]) => `${parameter}=${addresses.get(symbol)}`);
      const { lines, said, isDone } = await runGuest({
        bzImage: build.image,
        machine: { ...loadMachine(name), cpus },
        // A line for each gate: into the log, but not out of the serial port.
        append: `loglevel=4 log_buf_len=8M ${append}`,
        // No driver has this device. When the kernel opens its console, right before it decides what leaves, it
        // asks user space for a module.
        console: [60, 0],
        files: {
          "sbin/modprobe": `#!/bin/busybox sh
          [ "$3" = char-major-60-0 ] && exec /bin/busybox insmod /calls_gates.ko ${parameters.join(" ")}`,
          ...built,
        },
        log: join(scratch, `gates-${name}.log`),
        script: `
        echo ${rounds} >/sys/module/calls_gates/parameters/rounds
        echo 0 >/sys/module/calls_gates/parameters/rounds
        say "counted $(look $J/gate_calls)"
        for component in $J/*/; do
          say "component $(look $component/gate_calls)"
          [ "$(look $component/state)" = jettisoned ] && say "left $(basename $component)"
        done
        try rmmod calls_gates
        say "warnings $(dmesg | grep -c 'which is gone, and got')"
        say "others $(dmesg | grep -c 'WARNING: ')"`,
      });
      const number = (pattern: RegExp) =>
        said.flatMap((line) => pattern.exec(line)?.slice(1).map(Number) ?? []);
      expect([isDone, said.at(0)]).toEqual([true, `early threads ${cpus}`]);
      const [own, shut] = number(/^early own (\d+) shut (\d+)$/) as [number, number];
      const [calls, gates, quiet, differ, wrong] = number(
        /^total calls (\d+) gates (\d+) quiet (\d+) differ (\d+) wrong (\d+)$/,
      );
      const left = new Set(said.flatMap((line) => /^left (\S+)$/.exec(line)?.[1] ?? []));
      const plan = readPlan(build.output);
      const gone = plan.regions.filter(({ owners }) => owners.every((owner) => left.has(owner)));
      for (const region of gone) tried.add(region.name);
      expect(gates! + quiet!).toBe(
        plan.gates.filter(({ region }) => gone.some((one) => one.name === region)).length,
      );
      // Pointers that were taken when they led to the functions themselves.
      expect(own).toBeGreaterThan(100);
      expect(shut).toBeGreaterThan(1000);
      expect([differ, wrong]).toEqual([0, 0]);
      expect(calls).toBe(shut + cpus * rounds * gates!);
      expect(number(/^counted (\d+)$/)).toEqual([calls]);
      expect(number(/^component (\d+)$/).reduce((sum, one) => sum + one, 0)).toBe(calls);
      expect(number(/^warnings (\d+)$/)).toEqual([gates]);
      expect(number(/^others (\d+)$/)).toEqual([0]);
      expect(findFaults(lines)).toBeUndefined();
    },
  );

  test("there is no gate that was not among these, but of what both makers' processors need", () => {
    const untried = readPlan(build.output).regions.filter(({ name }) => !tried.has(name));
    expect(untried.map(({ owners }) => owners.join(" and "))).toEqual(["cpu-amd and cpu-intel"]);
  });
});

test("a manifest may refuse modules that need what is gone, or keep what is exported", async () => {
  const withRules = (name: string, rules: Readonly<Record<string, string>>) => {
    const changed = join(scratch, name);
    let text = readFileSync(join(projectRoot, "components", name), "utf8");
    for (const [component, rule] of Object.entries(rules))
      text = text.replace(`\n  ${component}:\n`, `\n  ${component}:\n    exports: ${rule}\n`);
    writeFileSync(changed, text);
    return changed;
  };
  const components = [
    withRules("iommu.yaml", { "iommu-core": "keep", "amd-vi": "refuse" }),
    withRules("hypervisor.yaml", { hyperv: "refuse" }),
  ];
  const { output } = await demoKernel();
  // A copy, in which only the link is done again.
  const job: KernelJob = {
    ...demoJob,
    components,
    targets: ["bzImage", "modules"],
    startFrom: output,
    output: cacheFolder("build", "exports"),
  };
  const build = await makeKernel(job);
  // A copy that an earlier run left in the cache also compiles what has changed in the runtime since; the kernel has 1,500 objects.
  expect(build.compiled).toBeLessThan(100);
  const built = await buildModules(build.output, folderFor("rules"), modules);
  const { lines, said, isDone } = await runGuest({
    bzImage: build.image,
    machine: loadMachine("q35"),
    files: built,
    log: join(scratch, "refuse.log"),
    script: `
      try insmod /uses_exports.ko
      try insmod /gets_symbol.ko
      say "iommu-core $(look $J/iommu-core/state) $(look $J/iommu-core/reason)"
      say "amd-vi $(look $J/amd-vi/state) $(look $J/gate_calls)"`,
  });
  expect([said, isDone]).toEqual([
    [
      "insmod /uses_exports.ko = 19 insmod: can't insert '/uses_exports.ko': No such device",
      "symbol_get found nothing",
      "insmod /gets_symbol.ko = 0",
      expect.stringMatching(
        /^iommu-core refused .*is exported, and the manifest keeps the component for its exports$/,
      ),
      "amd-vi jettisoned 0",
    ],
    true,
  ]);
  const console = lines.join("\n");
  for (const [needs, component] of [
    ["uses_exports needs amd_iommu_activate_guest_mode()", "amd-vi"],
    ["a module needs vmbus_setevent()", "hyperv"],
  ])
    expect(console).toContain(
      `jettison: ${needs}, which is gone, and is refused. Boot with jettison.keep=${component}`,
    );
  expect(findFaults(lines)).toBeUndefined();
});
