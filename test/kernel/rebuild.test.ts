// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, copyFileSync, readFileSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { jettisonLd } from "../../src/kernel/buildKernel.js";
import { makeCommand, makeEnvironment } from "../../src/kernel/make.js";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { run } from "../../src/process.js";
import { temporaryFolder } from "../support/compile.js";
import { demoKernel } from "../support/demoKernel.js";

test("the demo's kernel is built without a warning, and a second time nothing is", async () => {
  // Not the one that the tests share: in a whole run make linked it once more here.
  const first = await makeKernel(demoJob);
  expect(first.warnings).toEqual([]);
  const image = readFileSync(first.image);
  const second = await makeKernel(demoJob);
  expect(second).toMatchObject({ output: first.output, compiled: 0, linked: false });
  expect(readFileSync(second.image).equals(image)).toBe(true);
});

test("make links again when a manifest has changed, compiles nothing for that, and the bytes are the same", async () => {
  const { output, image } = await demoKernel();
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

  const again = await makeKernel(demoJob);
  expect(again.linked).toBe(true);
  // The few that a link makes: symbol tables, exports, the decompressor.
  expect(again.compiled).toBeLessThan(30);
  expect(again.warnings).toEqual([]);
  expect(readFileSync(image).equals(before)).toBe(true);
});
