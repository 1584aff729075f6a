// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, copyFileSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cacheFolder } from "../../src/cache.js";
import { jettisonLd } from "../../src/kernel/buildKernel.js";
import { copyBuild } from "../../src/kernel/copyBuild.js";
import { makeCommand, makeEnvironment } from "../../src/kernel/make.js";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { run } from "../../src/process.js";
import { temporaryFolder } from "../support/compile.js";
import { demoKernel } from "../support/demoKernel.js";

// A copy, since other files boot what the tests share.
const output = cacheFolder("build", "rebuilt");
const job = { ...demoJob, output };

beforeAll(async () => {
  rmSync(output, { recursive: true, force: true });
  const { output: shared, warnings } = await demoKernel();
  expect(warnings).toEqual([]);
  await copyBuild(shared, output);
});
afterAll(() => rmSync(output, { recursive: true, force: true }));

test("a finished kernel is not built again", async () => {
  const first = await makeKernel(job);
  expect(first.warnings).toEqual([]);
  const image = readFileSync(first.image);
  expect(await makeKernel(job)).toMatchObject({ compiled: 0, linked: false });
  expect(readFileSync(first.image).equals(image)).toBe(true);
});

test("make links again when a manifest has changed, compiles nothing for that, and the bytes are the same", async () => {
  const image = join(output, "arch/x86/boot/bzImage");
  const before = readFileSync(image);
  const folder = temporaryFolder();
  const manifests = demoJob.components.map((file) => join(folder, basename(file)));
  demoJob.components.forEach((file, index) => {
    copyFileSync(file, manifests[index]!);
  });
  const make = async () => {
    const { stdout } = await run(
      makeCommand(realpathSync(join(output, "source")), output, [
        `LD=${jettisonLd}`,
        "CFLAGS_KERNEL=-ffunction-sections -fdata-sections",
        "bzImage",
      ]),
      { env: { ...makeEnvironment, JETTISON_COMPONENTS: manifests.join(":") } },
    );
    return { isLinked: /^ {2}LD +vmlinux\.o$/m.test(stdout), isDone: /^ {2}LD +vmlinux$/m.test(stdout) };
  };
  // They say the same, wherever they lie.
  expect(await make()).toEqual({ isLinked: false, isDone: false });
  appendFileSync(manifests[0]!, "# one more line\n");
  expect(await make()).toEqual({ isLinked: true, isDone: true });
  expect(await make()).toEqual({ isLinked: false, isDone: false });
  expect(readFileSync(image).equals(before)).toBe(true);

  const again = await makeKernel(job);
  expect(again.linked).toBe(true);
  // The few that a link makes: symbol tables, exports, the decompressor.
  expect(again.compiled).toBeLessThan(30);
  expect(again.warnings).toEqual([]);
  expect(readFileSync(image).equals(before)).toBe(true);
});
