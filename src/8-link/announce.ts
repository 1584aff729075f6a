// SPDX-License-Identifier: Apache-2.0

import type { Plan } from "../plan/plan.js";
import { sum } from "../sum.js";

/** Kbuild's own form: the action, then what it made. */
export function announce(plan: Plan): void {
  const pages = sum(plan.regions.map((region) => region.pages));
  console.log(`  JETTISON ${plan.regions.length} regions, ${pages} pages, ${plan.gates.length} gates`);
  for (const { component, text } of plan.refusals)
    console.error(`jettison: ${component} is refused: ${text}`);
  for (const { name, state, lacks } of plan.components)
    if (lacks !== undefined)
      console.log(
        `  JETTISON ${name} ${state === "not-built" ? "is left out" : "is built in part"}: this build has no ${lacks.join(", ")}`,
      );
}
