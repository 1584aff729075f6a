// SPDX-License-Identifier: Apache-2.0
/**
 * Each machine's profile is collected inside the guest by the script that people run, what leaves is predicted from it,
 * and the prediction is compared with what the same boot freed: the same pages, and the same fate of each component.
 * JETTISON_PREDICT names other machines of machines/ than the usual ones, separated by blanks.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { fileFor } from "../../src/machine/image.js";
import { loadMachine, usualMachines } from "../../src/machine/machine.js";
import { readPlan } from "../../src/plan/readPlan.js";
import { Predictor } from "../../src/predict/predict.js";
import { readFacts } from "../../src/profile/facts.js";
import { projectRoot } from "../../src/root.js";
import { findFaults, runGuest } from "../support/guest/guest.js";

const named = process.env.JETTISON_PREDICT?.split(" ");
const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const { image: bzImage, output } = await makeKernel(demoJob);
const plan = readPlan(output);
const presentByName = new Map(plan.components.map(({ name, present }) => [name, present]));
const predictor = new Predictor(plan, (name) => presentByName.get(name));

/** A line of the kernel's log is shorter than a profile. */
const script = `
/profile.sh --name machine >/tmp/profile 2>/tmp/trouble
while read -r line; do say "trouble $line"; done </tmp/trouble
fold -w 500 /tmp/profile | while IFS= read -r part || [ -n "$part" ]; do say "part [$part]"; done
say "pages $(cat $J/pages)"
for folder in $J/*/; do say "component $(basename $folder) $(cat $folder/state)"; done
`;

async function compare(name: string) {
  const machine = loadMachine(name);
  const logs = named === undefined ? scratch : join(projectRoot, "out");
  mkdirSync(logs, { recursive: true });
  const { lines, said, isDone } = await runGuest({
    bzImage: fileFor({ bzImage, vmlinux: join(output, "vmlinux") }, machine),
    ...{ machine, script, log: join(logs, `predict-${name}.log`), timeout: 900_000 },
    files: { "profile.sh": readFileSync(join(projectRoot, "runtime/profile/profile.sh")) },
  });
  expect(isDone, lines.slice(-20).join("\n")).toBe(true);
  expect(findFaults(lines)).toBeUndefined();
  const sayings = (key: string) =>
    said.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  expect(sayings("trouble")).toEqual([]);
  const profile = sayings("part")
    .map((part) => part.slice(1, -1))
    .join("");
  const read = readFacts(JSON.parse(profile));
  if ("what" in read) throw new Error(`${read.what}: ${profile}`);
  return {
    profile,
    prediction: predictor.predict(read.facts),
    pages: Number(sayings("pages")[0]),
    states: Object.fromEntries(sayings("component").map((line) => line.split(" "))) as Record<string, string>,
  };
}

test.each(named ?? [...usualMachines, "microvm"])(
  "what is predicted of %s is what its boot frees",
  async (name) => {
    const { profile, prediction, pages, states } = await compare(name);
    if (named !== undefined)
      console.log(`${name}: ${prediction.pages.min} to ${prediction.pages.max}, freed ${pages}`);
    const fates = Object.fromEntries(
      prediction.components.map(({ component, outcome }) => [component, outcome]),
    );
    const freed = Object.fromEntries(
      Object.entries(states).map(([component, state]) => [
        component,
        state === "jettisoned" ? "leaves" : "stays",
      ]),
    );
    expect(fates, profile).toEqual(freed);
    expect(prediction.pages, profile).toEqual({ min: pages, max: pages });
    // Nothing of one machine's own: no MAC address of QEMU's, no place in memory.
    expect(profile).not.toMatch(/52:54:00|0x[0-9a-f]{6,}/i);
  },
  900_000,
);
