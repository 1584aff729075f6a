// SPDX-License-Identifier: Apache-2.0
import type { Plan } from "../plan/plan.js";
import { formatTable, number } from "./textTable.js";

/** The plan for a terminal: components, regions, what stays and why. Sizes in bytes. */
export function formatPlan(plan: Plan): string {
  const { totals } = plan;
  const parts = [
    `${number(totals.objects)} objects, ${number(totals.units)} sections, ${number(totals.bytes.text)} bytes of text`,
    formatTable(
      ["component", "state", "text", "leaves", "rodata", "data", "bss", "gates", "can appear"],
      plan.components.map(({ name, state, owned, leaving, gates, canAppear }) => [
        name,
        state,
        owned.text ?? 0,
        leaving.text ?? 0,
        owned.rodata ?? 0,
        owned.data ?? 0,
        owned.bss ?? 0,
        gates,
        canAppear,
      ]),
    ),
    formatTable(
      ["region", "kind", "bytes", "pages", "leaves with"],
      plan.regions.map(({ name, kind, bytes, pages, owners }) => [
        name,
        kind,
        bytes,
        pages,
        owners.join(" and "),
      ]),
    ),
  ];
  if (plan.tooSmall.length > 0)
    parts.push(
      `Too small for a page of their own, so they stay:\n${plan.tooSmall.map(({ owners, kind, bytes }) => `  ${number(bytes)} bytes of ${kind} of ${owners.join(" and ")}\n`).join("")}`,
    );
  if (plan.pins.length > 0)
    parts.push(
      `Pinned:\n${plan.pins.map(({ unit, because }) => `  ${unit}, by ${because.from}\n`).join("")}`,
    );
  if (plan.refusals.length > 0)
    parts.push(
      `Refused:\n${plan.refusals.map(({ component, text }) => `  ${component}: ${text}\n`).join("")}`,
    );
  return parts.join("\n");
}
