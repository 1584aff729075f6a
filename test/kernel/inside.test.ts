// SPDX-License-Identifier: Apache-2.0
/**
 * A task asleep inside a component when it is to leave: RCU takes it for one that is outside, its stack tells. The
 * component stays.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { cacheFolder } from "../../src/cache.js";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { loadMachine } from "../../src/machine/machine.js";
import { projectRoot } from "../../src/root.js";
import { findFaults, runGuest } from "../support/guest/guest.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("a component that a task sleeps in stays, and others leave", async () => {
  const demo = await makeKernel(demoJob);
  const build = await makeKernel({
    ...demoJob,
    components: [...demoJob.components, join(projectRoot, "test/kernel/inside.yaml")],
    output: cacheFolder("build", "demo-inside"),
    startFrom: demo.output,
  });
  const { lines, said, isDone } = await runGuest({
    bzImage: build.image,
    machine: loadMachine("q35"),
    append: "jettison=selftest",
    log: join(scratch, "inside.log"),
    script: `
      for one in sleeping dumping amd-vi; do say "$one $(look $J/$one/state) $(look $J/$one/reason)"; done
      say "failures $(look $J/selftest_failures)"`,
  });
  expect([said, isDone]).toEqual([
    [
      ...["sleeping withheld task-inside", "dumping jettisoned not-in-use", "amd-vi jettisoned not-in-use"],
      "failures 0",
    ],
    true,
  ]);
  expect(findFaults(lines)).toBeUndefined();
});
