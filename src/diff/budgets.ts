// SPDX-License-Identifier: Apache-2.0
/**
 * How much worse a build may get. `budgets:` in the configuration gives for each figure the allowed change
 * for the worse, in the figure's own unit or in percent of its old value:
 *
 *     budgets:
 *       text: 1%              # the kernel's text may grow by a hundredth
 *       leaves: 4096          # so many bytes less may leave
 *       gates: 4              # so many more gates
 *       refusals: 0
 *       components:
 *         intel-vtd: { owned: 2%, stays: 512 }
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { checkDocument } from "../3-component/document.js";
import { nearest } from "../3-component/nearest.js";
import { type Diagnostic, diagnose, fail, failIfAny } from "../diagnostics.js";
import type { Change, ComponentChange, PlanDiff } from "./diff.js";

export type Limit =
  | { readonly unit: "count"; readonly value: number }
  | { readonly unit: "percent"; readonly value: number };

const limit = z
  .union([z.number().nonnegative(), z.string().regex(/^\d+(\.\d+)?%$/)], {
    error: "a number or a percentage, such as 4096 or 2%, is expected here",
  })
  .transform(
    (value): Limit =>
      typeof value === "number"
        ? { unit: "count", value }
        : { unit: "percent", value: Number(value.slice(0, -1)) },
  );

const ofComponent = ["owned", "leaves", "stays", "text", "rodata", "data", "bss", "gates"] as const;
const ofKernel = [
  "image",
  "text",
  "rodata",
  "data",
  "bss",
  "leaves",
  "stays",
  "gates",
  "pins",
  "refusals",
] as const;
type Figure = (typeof ofComponent)[number] | (typeof ofKernel)[number];

const shapeOf = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, limit.optional()])) as Record<
    Name,
    z.ZodOptional<typeof limit>
  >;

const schema = z.strictObject({
  ...shapeOf(ofKernel),
  components: z.record(z.string(), z.strictObject(shapeOf(ofComponent))).optional(),
});

export type Budgets = z.infer<typeof schema>;

/** Other things may stand beside them. */
const configuration = z.looseObject({ budgets: schema.optional() }).nullable();

/** Reads `budgets:` of a configuration file; undefined where it has none. */
export function readBudgets(file: string): Budgets | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return fail("file-unreadable", { file, cause: (error as NodeJS.ErrnoException).code ?? "unknown" });
  }
  const { data, issues } = checkDocument(text, configuration);
  failIfAny(issues.map((issue) => diagnose("budgets-invalid", { file, ...issue })));
  return data?.budgets;
}

export interface Verdict extends Change {
  /** `text`, `intel-vtd.owned`. */
  readonly figure: string;
  /** By how much it may get worse, in what it counts. */
  readonly allowed: number;
  readonly limit: Limit;
  readonly passed: boolean;
}

/** Every figure that has a budget; throws nothing. */
export function checkBudgets(diff: PlanDiff, budgets: Budgets, file: string): Verdict[] {
  const kernel = figuresOfKernel(diff);
  const verdicts = ofKernel.flatMap((figure) => judge(figure, figure, kernel[figure], budgets[figure]));
  const unknown: Diagnostic[] = [];
  for (const [name, limits] of Object.entries(budgets.components ?? {})) {
    const component = diff.components.find((one) => one.component === name);
    if (component === undefined) {
      const near = nearest(
        name,
        diff.components.map((one) => one.component),
      );
      const hint = near.length > 0 ? `; nearest: ${near.join(", ")}` : "";
      const what = `budgets.components.${name}: neither plan has such a component${hint}`;
      unknown.push(diagnose("budgets-invalid", { file, line: 1, column: 1, what }));
      continue;
    }
    for (const figure of ofComponent)
      verdicts.push(...judge(`${name}.${figure}`, figure, component[figure], limits[figure]));
  }
  failIfAny(unknown);
  return verdicts;
}

function figuresOfKernel(diff: PlanDiff): Record<(typeof ofKernel)[number], Change> {
  const { totals, gates, pins, refusals, components } = diff;
  const add = (pick: (component: ComponentChange) => Change): Change =>
    components.map(pick).reduce((a, b) => ({ before: a.before + b.before, after: a.after + b.after }), {
      before: 0,
      after: 0,
    });
  return {
    ...totals,
    gates,
    pins,
    refusals,
    leaves: add((one) => one.leaves),
    stays: add((one) => one.stays),
  };
}

/** Less is worse for bytes that leave, more is worse for everything else. */
function judge(name: string, figure: Figure, change: Change, limit: Limit | undefined): Verdict[] {
  if (limit === undefined) return [];
  const worse = (figure === "leaves" ? -1 : 1) * (change.after - change.before);
  const allowed = limit.unit === "count" ? limit.value : Math.floor((change.before * limit.value) / 100);
  return [{ figure: name, ...change, allowed, limit, passed: worse <= allowed }];
}
