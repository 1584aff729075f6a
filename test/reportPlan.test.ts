// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { readPlan } from "../src/plan/readPlan.js";
import { buildMiniKernel } from "./miniKernel.js";

test("x", () => {
  const folder = buildMiniKernel();
  expect(existsSync(`${folder}/plan.json`)).toBe(true);
  const p = readPlan(folder);
  console.log(JSON.stringify({ ...p, columns: undefined, image: p.image }, null, 1));
});
