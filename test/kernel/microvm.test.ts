// SPDX-License-Identifier: Apache-2.0
/**
 * A small kernel of the micro-VM kind: frame pointers, no modules, no PCI, no ACPI, started by PVH or as a bzImage. And the
 * other way in which a kernel is linked: without indirect branch tracking vmlinux is made from vmlinux.a.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyBuild } from "../../src/9-verify/verifyBuild.js";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { bootMachine } from "../../src/machine/boot.js";
import { loadMachine } from "../../src/machine/machine.js";
import { readPlan } from "../../src/plan/readPlan.js";
import { findFaults, runGuest } from "../support/guest/guest.js";
import { smallKernel } from "../support/smallKernel.js";
import { torture } from "../torture/torture.js";

let build: KernelBuild;
const logs = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(logs, { recursive: true, force: true }));
beforeAll(async () => {
  build = await smallKernel();
});

test("it is linked with regions, without a warning, and proved", () => {
  expect(build.warnings).toEqual([]);
  expect(verifyBuild(build.output).violations).toEqual([]);
  expect(readPlan(build.output).refusals).toEqual([]);
});

test("the option for compact text is off: the entry text has 2 MB of its own, and the regions lie before it", () => {
  const symbols = readFileSync(join(build.output, "System.map"), "latin1");
  const address = (name: string) =>
    Number.parseInt(new RegExp(`^ffffffff([0-9a-f]{8}) . ${name}$`, "m").exec(symbols)![1]!, 16);
  expect(address("__entry_text_start") % 2 ** 21).toBeLessThan(4096);
  expect(address("__jettison_text_start")).toBeLessThan(address("__entry_text_start"));
  expect(address("__jettison_text_end")).toBeGreaterThan(address("__entry_text_end"));
});

test("started by PVH it frees what its processor and its host do not need", async () => {
  const image = { bzImage: build.image, vmlinux: build.vmlinux };
  const result = await bootMachine(image, loadMachine("microvm"), {
    append: "jettison=selftest",
    fill: false, // it has no sockets to fill memory with; that freed pages can be used the demo's kernel shows
    log: join(logs, "microvm.log"),
  });
  const fates = Object.fromEntries(
    result.components.map((one) => [one.component, `${one.state} ${one.reason}`]),
  );
  expect(fates).toMatchObject({
    "cpu-amd": "kept in-use",
    "cpu-intel": "jettisoned not-in-use",
    "kvm-guest": "jettisoned not-in-use",
    spinning: "jettisoned not-in-use",
  });
  const freed = result.components.filter((one) => one.state === "jettisoned");
  expect(result.pages).toBeGreaterThan(5);
  expect(freed.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(4096 * result.pages);
  expect(result.selftest).toMatchObject({ pages: result.pages, failures: 0 });
});

/** Without ACPI a kernel cannot turn the machine off, and finds one processor of each package. */
const reset = "jettison_end=reset";
const two = { ...loadMachine("q35"), qemu: [...loadMachine("q35").qemu, ["-smp", "sockets=2"]] };
const one = loadMachine("microvm");

// The tracers hide return addresses from whoever looks at the stack alone.
test.each([
  {
    how: "asleep, and another is preempted",
    machine: two,
    append: `spin ${reset}`,
    cpus: "0-1",
    isSpinning: true,
  },
  { how: "asleep under a kretprobe", machine: one, append: "kprobe_event=r200:asleep,schedule" },
  {
    how: "asleep under the graph tracer",
    machine: one,
    append: "ftrace=function_graph ftrace_graph_filter=kswapd",
  },
])(
  "a component stays where a task is inside: $how",
  async ({ machine, append, cpus = "0", isSpinning = false }) => {
    const { lines, said, isDone } = await runGuest({
      bzImage: machine.pvh ? build.vmlinux : build.image,
      machine,
      append: `jettison=selftest ${append}`,
      log: join(logs, "inside.log"),
      script: `
      for one in sleeping spinning dumping cpu-intel; do
        say "$one $(look $J/$one/state) $(look $J/$one/reason)"
      done
      say "cpus $(look /sys/devices/system/cpu/online)"
      say "failures $(look $JD/selftest_failures)"`,
    });
    expect([said, isDone]).toEqual([
      [
        "sleeping withheld task-inside",
        isSpinning ? "spinning withheld task-inside" : "spinning jettisoned not-in-use",
        ...["dumping jettisoned not-in-use", "cpu-intel jettisoned not-in-use"],
        ...[`cpus ${cpus}`, "failures 0"],
      ],
      true,
    ]);
    expect(findFaults(lines)).toBeUndefined();
  },
);

test("probes that are armed while it boots, and the tracer, do not outlive what they are in", async () => {
  const result = await torture({
    bzImage: build.image,
    machine: two,
    parts: ["armed", "tracer", "kprobes"],
    armed: ["intel_pmu_hw_config", "amd_pmu_hw_config+5"],
    append: reset,
    modules: {},
    log: join(logs, "probes.log"),
  });
  expect(result.trouble).toEqual([]);
  expect(result.gone).toContain("cpu-intel");
  // The other one is in a component that stays.
  expect(result.parts.armed).toContain("1 killed");
  expect(Object.values(result.parts).every((part) => part.startsWith("ok"))).toBe(true);
});
