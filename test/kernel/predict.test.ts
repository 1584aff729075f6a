// SPDX-License-Identifier: Apache-2.0
/**
 * Each machine's profile is collected inside the guest by the script that people run, what leaves is predicted from it,
 * and the prediction is compared with what the same boot freed: the same pages, and the same fate of each component.
 * JETTISON_PREDICT names other machines of machines/ than the usual ones, separated by blanks.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fileFor } from "../../src/machine/image.js";
import { loadMachine, usualMachines } from "../../src/machine/machine.js";
import { readPlan } from "../../src/plan/readPlan.js";
import { Predictor } from "../../src/predict/predict.js";
import { projectRoot } from "../../src/root.js";
import { demoKernel } from "../support/demoKernel.js";
import { expectAgreement, profileGuest } from "../support/profiledGuest.js";

const named = process.env.JETTISON_PREDICT?.split(" ");
const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const { image: bzImage, output } = await demoKernel();
const plan = readPlan(output);
const presentByName = new Map(plan.components.map(({ name, present }) => [name, present]));
const predictor = new Predictor(plan, (name) => presentByName.get(name));

test.each(named ?? [...usualMachines, "microvm"])(
  "what is predicted of %s is what its boot frees",
  async (name) => {
    const machine = loadMachine(name);
    const logs = named === undefined ? scratch : join(projectRoot, "out");
    mkdirSync(logs, { recursive: true });
    const image = fileFor({ bzImage, vmlinux: join(output, "vmlinux") }, machine);
    const boot = await profileGuest(image, machine, join(logs, `predict-${name}.log`));
    const prediction = predictor.predict(boot.facts);
    if (named !== undefined)
      console.log(`${name}: ${prediction.pages.min} to ${prediction.pages.max}, freed ${boot.pages}`);
    expectAgreement(prediction, boot);
    // Nothing of one machine's own: no MAC address of QEMU's, no place in memory.
    expect(boot.profile).not.toMatch(/52:54:00|0x[0-9a-f]{6,}/i);
  },
  900_000,
);
