// SPDX-License-Identifier: Apache-2.0
import type { Plan } from "../plan/plan.js";
import { formatTable } from "./textTable.js";

/** Every unit that belongs to a component, and the rule that claims it. */
export function formatUnits({ units }: Plan): string {
  return formatTable(
    ["unit", "bytes", "component", "region", "by"],
    units.map(({ object, section, bytes, owners, region, rule, matched }) => [
      `${object}:(${section})`,
      bytes,
      owners.join(" and "),
      region ?? "stays",
      rule === undefined ? "only they refer to it" : `${rule.replace(/.*\//, "")} ${matched}`,
    ]),
  );
}
