// SPDX-License-Identifier: Apache-2.0
/** The demo's kernel, linked with its regions packed for five real computers: it is proved, and works on the usual machines. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { cacheFolder } from "../../src/cache.js";
import { jettisonLd } from "../../src/kernel/buildKernel.js";
import { copyBuild } from "../../src/kernel/copyBuild.js";
import { makeCommand, makeEnvironment } from "../../src/kernel/make.js";
import { demoJob } from "../../src/kernel/makeKernel.js";
import { bootMachine } from "../../src/machine/boot.js";
import { loadMachine, usualMachines } from "../../src/machine/machine.js";
import { readPlan } from "../../src/plan/readPlan.js";
import { run } from "../../src/process.js";
import { projectRoot } from "../../src/root.js";
import { demoKernel } from "../support/demoKernel.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
const build = cacheFolder("build", "packed");
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
  rmSync(build, { recursive: true, force: true });
});
const { output } = await demoKernel();

function packFor(fleet: readonly object[]): string {
  const profiles = join(scratch, "fleet.jsonl");
  writeFileSync(profiles, fleet.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const { stdout, stderr } = spawnSync(join(projectRoot, "bin/jettison"), ["pack", output, profiles], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  const file = join(scratch, "packing.yaml");
  writeFileSync(file, stdout);
  return file;
}

test("a packed kernel is proved, keeps less, and frees what its plan says on each usual machine", async () => {
  const { machines } = JSON.parse(readFileSync(join(projectRoot, "test/support/linuxhw.json"), "utf8"));
  const packing = packFor(machines);
  const before = readPlan(output);
  rmSync(build, { recursive: true, force: true });
  await copyBuild(output, build);
  await run(
    makeCommand(realpathSync(join(build, "source")), build, [
      `LD=${jettisonLd}`,
      "CFLAGS_KERNEL=-ffunction-sections -fdata-sections",
      "bzImage",
    ]),
    { env: { ...makeEnvironment, JETTISON_COMPONENTS: [...demoJob.components, packing].join(":") } },
  );
  const plan = readPlan(build);
  expect(plan.refusals).toEqual([]);
  expect(plan.regions.length).toBeLessThan(before.regions.length);
  for (const name of usualMachines) {
    const { components, pages, selftest, gateCalls } = await bootMachine(
      { bzImage: join(build, "arch/x86/boot/bzImage") },
      loadMachine(name),
      { append: "jettison=selftest", fill: false, log: join(scratch, `${name}.log`), timeout: 300_000 },
    );
    const left = components.filter(({ state }) => state === "jettisoned");
    const names = left.map(({ component }) => component);
    const padding = left.find(({ component }) => component === "padding")?.bytes ?? 0;
    const planned = plan.regions
      .filter(({ owners }) => owners.every((owner) => names.includes(owner)))
      .reduce((sum, region) => sum + region.pages, padding / 4096);
    expect([name, pages, selftest?.pages, selftest?.failures, gateCalls]).toEqual([
      name,
      planned,
      planned,
      0,
      0,
    ]);
  }
});
