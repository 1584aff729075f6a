// SPDX-License-Identifier: Apache-2.0
/**
 * Same inputs, same bytes, on a whole kernel: the folder has another name, objects are compiled again in it, and
 * the manifests are read in the opposite order.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { copyBuild } from "../../src/kernel/copyBuild.js";
import { makeKernel } from "../../src/kernel/makeKernel.js";
import { smallJob, smallKernel } from "../support/smallKernel.js";

/** Objects that are compiled a second time: all would take minutes, and the compiler is not under test. */
const compiledAgain = ["arch/x86/events", "kernel/jettison", "kernel/irq"];

function forgetObjects(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".o"),
  );
  for (const name of names) rmSync(join(folder, name));
  return names.length;
}

test("two folders, the manifests in either order: the same kernel", async () => {
  const one = await smallKernel();
  const beside = mkdtempSync(join(dirname(one.output), "reproducible-"));
  onTestFinished(() => rmSync(beside, { recursive: true, force: true }));
  const output = join(beside, "a-folder-with-a-longer-name");
  await copyBuild(one.output, output);
  const forgotten = compiledAgain.reduce((sum, name) => sum + forgetObjects(join(output, name)), 0);
  expect(forgotten).toBeGreaterThan(30);

  const other = await makeKernel({ ...smallJob, output, components: smallJob.components.toReversed() });
  expect(other.compiled).toBeGreaterThan(30);
  expect(other.warnings).toEqual([]);
  for (const name of ["vmlinux.o", "vmlinux", "System.map", "plan.json", "arch/x86/boot/bzImage"]) {
    const same = readFileSync(join(output, name)).equals(readFileSync(join(one.output, name)));
    expect([name, same]).toEqual([name, true]);
  }
});
