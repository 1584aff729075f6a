// SPDX-License-Identifier: Apache-2.0
/** Bytes that a rebuild saves and that Jettison gives back, counted on objects that gcc made. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { plainJob, rebuildMachines, rebuildOf } from "../../../src/gain/builds.js";
import { type Gain, gainVersion } from "../../../src/gain/gain.js";
import { weighObjects } from "../../../src/gain/objectBytes.js";
import { compareObjects, weighRegions } from "../../../src/gain/saving.js";
import { gainJsonSchema, gainSchema } from "../../../src/gain/schema.js";
import { readConfiguration } from "../../../src/kernel/configureKernel.js";
import { usualMachines } from "../../../src/machine/machine.js";
import type { Plan } from "../../../src/plan/plan.js";
import { formatGain, gainMarkdown } from "../../../src/report/gainText.js";
import { replaceGenerated } from "../../../src/report/generatedPart.js";
import { projectRoot } from "../../../src/root.js";
import { command, kernelFlags, temporaryFolder, writeFiles } from "../../support/compile.js";
import { codesOf } from "../../support/diagnosed.js";

/** A build folder with a thin archive, as a kernel build leaves it. */
function build(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  writeFiles(folder, files);
  mkdirSync(join(folder, "lib"), { recursive: true });
  const objects = Object.keys(files).map((name) => {
    const object = name.replace(/\.c$/, ".o");
    command(folder, "gcc", ...kernelFlags, "-c", "-o", object, name);
    return object;
  });
  command(folder, "ar", "cDPrST", "vmlinux.a", ...objects);
  return folder;
}

const core =
  'int counter[10] = { 1 }; char buffer[256]; const char name[] = "core"; int f(void) { return 1; }';
const driver = `
  static int state[25] = { 2 }; static const long table[7] = { 3 }; static int calls[16];
  int g(int i) { state[i]++; return table[i] + calls[i]++; }
  int __attribute__((section(".init.text"))) h(void) { return 1; }
  const long __attribute__((section("__ex_table"))) entry[50] = { 4 };`;

/** As much of a plan as is looked at. */
const plan = {
  units: [
    { object: "drivers/driver.o", kind: "data", bytes: 99, region: "a.data" },
    { object: "drivers/driver.o", kind: "bss", bytes: 64, region: "b.bss" },
    { object: "drivers/driver.o", kind: "rodata", bytes: 20 },
    { object: "core.o", kind: "text", bytes: 50, region: "a.text" },
  ],
  regions: [
    { name: "a.text", kind: "text", owners: ["a"], bytes: 100 },
    { name: "a.data", kind: "data", owners: ["a"], bytes: 99 },
    { name: "ab.rodata", kind: "rodata", owners: ["a", "b"], bytes: 30 },
    { name: "b.text", kind: "text", owners: ["b"], bytes: 7 },
    { name: "b.bss", kind: "bss", owners: ["b"], bytes: 64 },
  ],
} as unknown as Plan;

test("objects count with what stays of them after boot", () => {
  const weights = weighObjects(build({ "core.c": core, "drivers/driver.c": driver }));
  expect([...weights.keys()]).toEqual(["core.o", "drivers/driver.o"]);
  expect(weights.get("core.o")).toMatchObject({ data: 40, bss: 256 });
  expect(weights.get("core.o")!.rodata).toBeGreaterThanOrEqual(5);
  // Neither init text nor the table, which is about code.
  expect(weights.get("drivers/driver.o")).toMatchObject({ rodata: 56, data: 100, bss: 64 });
  expect(weights.get("drivers/driver.o")!.text).toBeLessThan(64);
});

test("an object of a component that is gone is theirs, any other difference is elsewhere, and all adds up", () => {
  const plain = weighObjects(
    build({ "core.c": core, "drivers/driver.c": driver, "pm.c": "char pm[1000];", "same.c": "int same;" }),
  );
  const rebuilt = weighObjects(
    build({ "core.c": core.replace("256", "200"), "new.c": "char more[8];", "same.c": "int same;" }),
  );
  const own = new Map([...plain, ["drivers/driver.o", { text: 30, rodata: 60, data: 100, bss: 64 }]]);
  const jettisoned = new Set(["a"]);
  const { components, staying, largestStaying, elsewhere, largest } = compareObjects({
    ...{ plain, rebuilt, own, plan, jettisoned },
  });
  expect(components).toEqual(plain.get("drivers/driver.o"));
  // Only of the object that is gone, without the bytes that left with its region.
  expect(staying).toEqual({ text: 30, rodata: 60, data: 1, bss: 64 });
  expect(largestStaying).toEqual([{ object: "drivers/driver.o", bytes: 155 }]);
  expect(elsewhere).toEqual({ text: 0, rodata: 0, data: 0, bss: 1000 + 56 - 8 });
  expect(largest).toEqual([
    { object: "pm.o", bytes: 1000 },
    { object: "core.o", bytes: 56 },
    { object: "new.o", bytes: -8 },
  ]);
});

test("an object of a component that the rebuild still has is elsewhere", () => {
  const plain = weighObjects(build({ "drivers/driver.c": driver }));
  const rebuilt = weighObjects(build({ "drivers/driver.c": driver.replace("state[25]", "state[20]") }));
  const { components, staying, elsewhere } = compareObjects({
    ...{ plain, rebuilt, own: plain, plan, jettisoned: new Set<string>() },
  });
  expect(components).toEqual({ text: 0, rodata: 0, data: 0, bss: 0 });
  expect(staying).toEqual(components);
  expect(elsewhere.data).toBe(20);
});

test("a region has left where all of its owners have", () => {
  expect(weighRegions(plan, new Set(["a"]))).toEqual({ text: 100, rodata: 0, data: 99, bss: 0 });
  expect(weighRegions(plan, new Set(["a", "b"]))).toEqual({ text: 107, rodata: 30, data: 99, bss: 64 });
  expect(weighRegions(plan, new Set())).toEqual({ text: 0, rodata: 0, data: 0, bss: 0 });
});

const gain: Gain = {
  version: gainVersion,
  kernel: "6.12.1",
  compiler: "gcc, ld",
  images: [
    { build: "plain", bytes: 9, memory: { text: 4096, rodata: 1, data: 1, bss: 1, init: 1 }, padding: 96 },
  ],
  machines: [
    {
      ...{ machine: "q35", title: "no IOMMU", pagesFreed: 3 },
      memTotal: { plain: 1024 * 1000, off: 1024 * 990, on: 1024 * 1002, rebuild: 1024 * 1001 },
      memory: {
        plain: { free: 4096, pageTables: 4096, directMap4k: 8192, directMap2M: 2097152 },
        off: null,
        on: { free: 4096, pageTables: 4096, directMap4k: 8192, directMap2M: 2097152 },
      },
      givenBack: { text: 95, rodata: 0, data: 0, bss: 0 },
      saving: {
        build: "no-iommu",
        components: { text: 90, rodata: 10, data: 0, bss: 0 },
        staying: { text: 15, rodata: 2, data: 0, bss: 0 },
        largestStaying: [{ object: "drivers/c.o", bytes: 17 }],
        elsewhere: { text: -5, rodata: 0, data: 0, bss: 0 },
        largest: [{ object: "kernel/a_b.o", bytes: -5 }],
      },
    },
    {
      ...{ machine: "pc", title: "no IOMMU", pagesFreed: 0, saving: null },
      memTotal: { plain: 1024, off: 1024, on: 1024, rebuild: null },
      memory: { plain: null, off: null, on: null },
      givenBack: { text: 0, rodata: 0, data: 0, bss: 0 },
    },
  ],
};

test("tables show losses as losses, and what was not measured as nothing", () => {
  const text = formatGain(gain, { styled: false });
  expect(text).toMatch(/q35 +\| +1,000 +\| +990 +\| +1,002 +\| +1,001 +\| +-10 +\| +\+2 +\| +\+1 /);
  expect(text).toMatch(/pc +\| +1 +\| +1 +\| +1 +\| +- +\| +0 +\| +0 +\| +- /);
  expect(text).toMatch(/q35 +\| plain +\| +4 +\| +4 +\| +8 +\| +2,048 /);
  expect(text).toContain("95.0 %");
  expect(text).toMatch(/stays with Jettison +\| +15 .* 17\.0 %/);
  expect(gainMarkdown(gain)).toContain("| no-iommu | drivers/c.o | 17 |");
  expect(gainMarkdown(gain)).toContain("| no-iommu | kernel/a\\_b.o | -5 |");
});

test("a page keeps what was written by hand", () => {
  const folder = temporaryFolder();
  writeFiles(folder, {
    "page.md": "before\n<!-- written by: make it -->\nold\n<!-- end -->\nafter\n",
    "bare.md": "nothing\n",
  });
  expect(replaceGenerated(join(folder, "page.md"), "make it", "new")).toBe(
    "before\n<!-- written by: make it -->\nnew\n<!-- end -->\nafter\n",
  );
  expect(codesOf(() => replaceGenerated(join(folder, "bare.md"), "make it", "new"))).toEqual([
    "page-unmarked",
  ]);
});

test("docs/gain.schema.json is the schema", () => {
  expect(gainSchema.parse(gain)).toEqual(gain);
  const published = JSON.parse(readFileSync(join(projectRoot, "docs/gain.schema.json"), "utf8")) as unknown;
  expect(gainJsonSchema()).toEqual(published);
});

test("a rebuild leaves out only what the demo has", () => {
  const demo = new Map(readConfiguration(plainJob.configuration).map(({ name, value }) => [name, value]));
  expect(rebuildMachines).toEqual(usualMachines);
  for (const machine of rebuildMachines) {
    const { name, job } = rebuildOf(machine);
    const changed = readConfiguration(job.configuration).filter(({ file }) => file.includes("/without/"));
    expect(changed.length).toBeGreaterThan(0);
    for (const option of changed)
      if (option.value === "n")
        expect([name, option.name, demo.get(option.name)]).toEqual([name, option.name, "y"]);
  }
});

test("the lines of a rebuild take the place of the demo's", () => {
  const names = readConfiguration(rebuildOf("q35").job.configuration).map((option) => option.name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain("CONFIG_SMP");
});
