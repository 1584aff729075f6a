// SPDX-License-Identifier: Apache-2.0
/** A plan that is written piece by piece is the text that it would be in one piece. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeLargePlan } from "../../../bench/largePlan.js";
import { type PackedColumns, unpackColumns } from "../../../src/plan/columns.js";
import type { Plan } from "../../../src/plan/plan.js";
import { writePlan } from "../../../src/plan/writePlan.js";
import { temporaryFolder } from "../../support/compile.js";

test("more values than are written at once, and names that JSON escapes", () => {
  const file = join(temporaryFolder(), "plan.json");
  const plan = makeLargePlan(70_000);
  const section = plan.columns.section.map((name, unit) => (unit === 1 ? `a "quoted"\\name ä` : name));
  const columns = { ...plan.columns, section };
  const packed = {
    ...columns,
    ...Object.fromEntries(
      Object.entries(columns).flatMap(([name, values]) =>
        typeof values[0] === "number" ? [[name, Uint32Array.from(values as readonly number[])]] : [],
      ),
    ),
    section: { length: section.length, at: (unit: number) => section[unit]! },
    merged: new Uint32Array(0),
  } as unknown as PackedColumns;
  const whole: Plan = { ...plan, columns };
  writePlan(file, whole, packed);
  expect(readFileSync(file, "utf8") === `${JSON.stringify(whole)}\n`).toBe(true);
  expect(unpackColumns(packed)).toEqual(columns);
});
