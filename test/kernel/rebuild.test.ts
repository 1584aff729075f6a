// SPDX-License-Identifier: Apache-2.0
import { readFileSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { stateFile } from "../../src/kernel/stateFile.js";

test("the demo's kernel is built without a warning, and a second time nothing is", async () => {
  const first = await makeKernel(demoJob);
  expect(first.warnings).toEqual([]);
  const image = readFileSync(first.image);
  const second = await makeKernel(demoJob);
  expect(second).toMatchObject({ output: first.output, compiled: 0, linked: false });
  expect(readFileSync(second.image).equals(image)).toBe(true);
});

test("a link that would come out differently is done again, its objects are not, and the bytes are the same", async () => {
  const { output, image } = await makeKernel(demoJob);
  const before = readFileSync(image);
  rmSync(stateFile(output, "link-key"));
  const again = await makeKernel(demoJob);
  expect(again.linked).toBe(true);
  // The few that a link makes: symbol tables, exports, the decompressor.
  expect(again.compiled).toBeLessThan(30);
  expect(again.warnings).toEqual([]);
  expect(readFileSync(image).equals(before)).toBe(true);
});
