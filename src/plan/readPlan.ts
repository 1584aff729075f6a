// SPDX-License-Identifier: Apache-2.0

import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { z } from "zod";
import { fail } from "../diagnostics.js";
import { sum } from "../sum.js";
import { addImage } from "./completePlan.js";
import { readPlanImage } from "./image.js";
import { type Plan, planVersion } from "./plan.js";
import { planSchema } from "./schema.js";

/**
 * Reads the plan at `path`, a file or the folder of a build, and checks it. One that was written before the
 * final link gets its image from the `vmlinux` beside it.
 */
export function readPlan(path: string): Plan {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, "plan.json") : path;
  const plan = checkPlan(file, parse(file));
  if (plan.image !== undefined) return plan;
  const vmlinux = join(dirname(file), "vmlinux");
  const image = existsSync(vmlinux) ? readPlanImage(vmlinux) : undefined;
  return image === undefined ? plan : addImage(plan, image);
}

function parse(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return fail("file-unreadable", { file, cause: (error as NodeJS.ErrnoException).code ?? "unknown" });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail("plan-invalid", { file, what: (error as Error).message });
  }
}

function checkPlan(file: string, value: unknown): Plan {
  const version = (value as { version?: unknown } | null)?.version;
  if (version !== planVersion)
    fail("plan-invalid", {
      file,
      what:
        version === undefined ? "it has no version" : `its version is ${String(version)}, not ${planVersion}`,
    });
  const parsed = planSchema.safeParse(value);
  if (!parsed.success) fail("plan-invalid", { file, what: describeIssue(parsed.error.issues[0]!) });
  const wrong = findInconsistency(value as Plan);
  if (wrong !== undefined) fail("plan-invalid", { file, what: wrong });
  return value as Plan;
}

const describeIssue = ({ path, message }: z.core.$ZodIssue) => `${path.join(".") || "it"}: ${message}`;

/** Columns that do not fit each other would be read past their ends. */
function findInconsistency({ columns, regions }: Plan): string | undefined {
  const units = columns.section.length;
  for (const name of ["bytes", "kind", "role", "owners", "region", "referencesOf"] as const)
    if (columns[name].length !== units)
      return `columns.${name} has ${columns[name].length} values for ${units} units`;
  if (columns.unitsOf.length !== columns.objects.length)
    return "columns.unitsOf does not fit columns.objects";
  if (sum(columns.unitsOf) !== units) return "columns.unitsOf does not add up to the units";
  if (sum(columns.referencesOf) !== columns.to.length || columns.how.length !== columns.to.length)
    return "columns.referencesOf does not add up to the references";
  const limits = [
    ["kind", columns.kinds.length],
    ["role", columns.roles.length],
    ["owners", columns.ownerSets.length],
    ["region", regions.length + 1],
    ["merged", units],
    ["to", units],
    ["how", columns.referenceKinds.length],
  ] as const;
  for (const [name, limit] of limits)
    if (columns[name].some((value) => value < 0 || value >= limit))
      return `columns.${name} is out of its range`;
  return undefined;
}
