// SPDX-License-Identifier: Apache-2.0
/**
 * The last look at memory before anything leaves, in a kernel of its own: one in which `scan/plant.patch` leaves words
 * that point into AMD-Vi, and in which Xen registers a driver on every machine, although its manifest says otherwise.
 * The patch also has drivers that are probing a device at that time. Eighty components come before all others, so those
 * that are looked at have high numbers.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { type BootResult, bootMachine } from "../../src/machine/boot.js";
import { loadMachine } from "../../src/machine/machine.js";
import { planBuild } from "../../src/passes.js";
import { readPlan } from "../../src/plan/readPlan.js";
import { projectRoot } from "../../src/root.js";
import { findFaults, isGateCall, runGuest } from "../support/guest/guest.js";
import { buildModules } from "../support/guest/modules.js";
import { patchedBuild } from "../support/patchedBuild.js";

let build: KernelBuild;
let trusting: readonly string[];
const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeAll(async () => {
  const patch = join(projectRoot, "test/kernel/scan/plant.patch");
  const output = await patchedBuild("demo-scan", patch);
  const changes = join(scratch, "changes.config");
  writeFileSync(changes, "CONFIG_XEN_PCIDEV_BACKEND=y\nCONFIG_JETTISON_TABLES=y\n");
  trusting = demoJob.components.map((file) =>
    basename(file) === "hypervisor.yaml" ? trustBackend(file) : file,
  );
  const many = join(scratch, "many.yaml");
  const numbers = Array.from({ length: 80 }, (_, index) => 10 + index);
  const one = (n: number) =>
    `  many-${n}: { title: Planted, code: [{ symbols: planted_many_${n} }], inUse: never, canAppear: never }\n`;
  writeFileSync(many, `components:\n${numbers.map(one).join("")}`);
  const components = [many, ...trusting, join(projectRoot, "test/kernel/scan/probing.yaml")];
  build = await makeKernel({
    ...{ ...demoJob, components, output },
    configuration: { ...demoJob.configuration, changes },
  });
});

/** A manifest that claims of xen-pciback what is not so: that its init code registers only where Xen is in use. */
function trustBackend(file: string): string {
  const text = readFileSync(file, "utf8");
  const wrong = `    registers:
      - by: [pcistub_init, pcistub_exit]
        optional: true
        why: a claim that is wrong
`;
  const changed = text.replace(/^ {4}registers:\n/m, wrong);
  if (changed === text) throw new Error(`${file} has no registers`);
  const path = join(scratch, basename(file));
  writeFileSync(path, changed);
  return path;
}

const boot = (...append: string[]): Promise<BootResult> =>
  bootMachine({ bzImage: build.image }, loadMachine("q35"), {
    append: append.join(" "),
    fill: false,
    log: join(scratch, "q35.log"),
  });
const fateOf = ({ components }: BootResult, name: string) => {
  const { state, reason } = components.find(({ component }) => component === name)!;
  return `${state} ${reason}`;
};
const found = ({ kernelLog }: BootResult, component: string) =>
  kernelLog.filter((line) => line.startsWith("jettison: scan: ") && line.endsWith(` of ${component}`));

test("finds a word in each kind of memory, names the place and keeps the component with all that it needs", async () => {
  const result = await boot("plant=held jettison=selftest");
  expect(fateOf(result, "amd-vi")).toBe("kept referenced");
  const places = found(result, "amd-vi").map((line) => {
    const [, place, target] = /^jettison: scan: (.*) points at (.*)\/\S+ of amd-vi$/.exec(line)!;
    expect(target).toBe("amd_iommu_ops+0x0");
    return place!.replace(/0x[0-9a-f]+ of a page|\[\d+\]|\/\S+/g, "");
  });
  // The sleeper may have it in a register that it saved, too.
  expect([...new Set(places)].sort()).toEqual(
    [
      ...["data: planted_bss+0x8", "data: planted_data+0x8", "data: planted_ro+0x0"],
      ...["per-CPU data: planted_percpu+0x0 of CPU 0", "slabs: kmalloc-256, 0x18 of an object"],
      ...["other pages: ", "stacks: stack of planted"],
    ].sort(),
  );
  // kmalloc() of whole pages, vmalloc(), a page, alloc_percpu()
  expect(places.filter((place) => place === "other pages: ")).toHaveLength(4);
  // A component that stays works; others are freed as ever.
  expect(result.selftest).toMatchObject({ failures: 0 });
  expect(fateOf(result, "gart")).toBe("jettisoned not-in-use");
  const many = result.components.filter(({ component }) => component.startsWith("many-"));
  expect(many.map(({ state, reason }) => `${state} ${reason}`)).toEqual(
    Array(80).fill("jettisoned not-in-use"),
  );
});

test("a table of the kernel that something points to stays, although it is to leave", async () => {
  const result = await boot("plant=table jettison=selftest jettison.drop=kallsyms,orc");
  expect(fateOf(result, "orc")).toBe("kept referenced");
  expect(found(result, "orc")).toEqual([
    expect.stringMatching(
      /^jettison: scan: data: planted_data\+0x8\/\S+ points at orc_lookup\+0x40\/\S+ of orc$/,
    ),
  ]);
  expect(fateOf(result, "kallsyms")).toBe("jettisoned drop");
  expect(result.selftest).toMatchObject({ pages: result.pages, failures: 0 });
});

test("tables that are named leave: nothing is found by name, no stack is unwound, and the kernel goes on", async () => {
  const folder = join(scratch, "modules");
  mkdirSync(folder);
  const files = await buildModules(build.output, folder, ["harmless"]);
  const ask = async (drop: string) => {
    const { lines, said, isDone } = await runGuest({
      ...{ bzImage: build.image, machine: loadMachine("q35"), files },
      append: `jettison=selftest jettison.padding=off ${drop}`,
      log: join(scratch, `tables${drop}.log`),
      script: `
        for name in kallsyms orc; do say "$name $(look $J/$name/state) $(look $J/$name/reason)"; done
        try insmod /harmless.ko
        say "of the kernel $(grep -vF '[' /proc/kallsyms | head -n 100 | wc -l)"
        say "of modules $(grep -c '\\[harmless\\]' /proc/kallsyms)"
        cat /proc/*/wchan >/dev/null
        echo t >/proc/sysrq-trigger
        echo l >/proc/sysrq-trigger
        try rmmod harmless
        say "self-test $(look $JD/selftest_failures)"
        say "pages $(look $J/pages)"
        say "$(head -n 1 /proc/meminfo)"`,
    });
    // The trace is what was asked for.
    const isExpected = (line: string) => isGateCall(line) || /Call Trace:/.test(line);
    expect([isDone, findFaults(lines, isExpected)]).toEqual([true, undefined]);
    const numbers = said.slice(-2).map((line) => Number(/\d+/.exec(line)![0]));
    return { said: said.slice(0, -2), lines, pages: numbers[0]!, memory: numbers[1]! };
  };
  const [kept, gone] = [await ask(""), await ask("jettison.drop=kallsyms,orc")];
  const expected = (fate: string, ofKernel: number) => [
    ...[`kallsyms ${fate}`, `orc ${fate}`, "insmod /harmless.ko = 0"],
    `of the kernel ${ofKernel}`,
    ...[expect.stringMatching(/^of modules [1-9]/), "rmmod harmless = 0", "self-test 0"],
  ];
  expect(kept.said).toEqual(expected("kept by-default", 100));
  expect(gone.said).toEqual(expected("jettisoned drop", 0));

  const { tables = [] } = readPlan(join(build.output, "plan.json")).image!;
  const bytes = tables.reduce((sum, one) => sum + one.bytes, 0);
  expect(tables.map(({ name }) => name)).toEqual(["kallsyms", "orc"]);
  expect(gone.pages - kept.pages).toBe(bytes / 4096);
  expect(1024 * (gone.memory - kept.memory)).toBe(bytes);
  const frames = (lines: readonly string[], frame: RegExp) => lines.filter((line) => frame.test(line)).length;
  expect(frames(kept.lines, /\bschedule\+0x/)).toBeGreaterThan(10);
  expect(frames(gone.lines, /\bschedule\+0x/)).toBe(0);
  expect(frames(gone.lines, /\? 0xffffffff/)).toBeGreaterThan(10);
});

test("does not find what is free, over, of user space or a number of the clock", async () => {
  const result = await boot("plant=over");
  expect(readFileSync(result.log, "utf8")).toContain("planted: object 1, page 1, init 1, clock 1");
  expect(found(result, "amd-vi")).toEqual([]);
  expect(fateOf(result, "amd-vi")).toBe("jettisoned not-in-use");
});

test("a component whose driver is probing or has put a device off stays, one that is done leaves", async () => {
  const result = await boot("plant=probing jettison=selftest");
  expect(["slow", "deferred", "done", "gart"].map((name) => fateOf(result, name))).toEqual([
    ...["kept probing", "kept probing"],
    ...["jettisoned not-in-use", "jettisoned not-in-use"],
  ]);
  expect(result.selftest).toMatchObject({ failures: 0 });
  const waited = result.kernelLog
    .flatMap((line) => /pages freed: waiting (\d+) us/.exec(line)?.[1] ?? [])
    .map(Number);
  // Ten times 10 ms, each of which may last two ticks longer; the probe lasts five seconds.
  expect(waited).toEqual([expect.any(Number)]);
  expect(waited[0]).toBeGreaterThanOrEqual(100_000);
  expect(waited[0]).toBeLessThan(1_000_000);
});

test("keeps Xen where its driver for devices that it lends is registered on every machine", async () => {
  const result = await boot();
  expect(fateOf(result, "xen")).toBe("kept referenced");
  expect(found(result, "xen").some((line) => / points at \S*(pcistub|xen_pcibk)/.test(line))).toBe(true);
  expect(fateOf(result, "amd-vi")).toBe("jettisoned not-in-use");
});

test("without the claim, the plan of that kernel holds fast what Xen's driver is registered with", async () => {
  const storedBy = async (components: readonly string[]) => {
    const { plan } = await planBuild(build.output, components);
    expect(plan.refusals.map(({ component }) => component)).not.toContain("xen");
    const pinned = plan.pins.filter(({ because }) => because.by === "pcistub_init").map(({ unit }) => unit);
    const gated = plan.gates
      .filter(({ crossings }) => crossings.some(({ from }) => from.includes("(.data.xen_pcibk_pci_driver)")))
      .map(({ function: name }) => name);
    return { pinned, gated: gated.sort() };
  };
  const driver = "drivers/xen/xen-pciback/pci_stub.o:(.data.xen_pcibk_pci_driver)";
  const { pinned, gated } = await storedBy(demoJob.components);
  expect(pinned).toContain(driver);
  expect(gated).toEqual(expect.arrayContaining(["pcistub_probe", "pcistub_remove"]));
  expect(await storedBy(trusting)).toEqual({ pinned: [], gated: [] });
});

test("jettison.scan=off does not look", async () => {
  const result = await boot("plant=held jettison.scan=off");
  expect(fateOf(result, "amd-vi")).toBe("jettisoned not-in-use");
  expect(result.kernelLog.filter((line) => line.startsWith("jettison: scan: "))).toEqual([]);
});
