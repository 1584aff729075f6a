// SPDX-License-Identifier: Apache-2.0

import { formatNumber } from "../formatNumber.js";
import { accountForImage } from "../plan/account.js";
import { formatSource, type Plan } from "../plan/plan.js";
import { sumValues } from "../sum.js";
import { pageSize } from "../x86/x86.js";
import { colourOf, type TextOptions } from "./colour.js";
import { formatTable } from "./textTable.js";

const planColours = { planned: "green", refused: "red", "not-built": "gray" } as const;
/** The plan for a terminal: components, regions, what stays and why. Sizes in bytes. */
export function formatPlan(plan: Plan, options: TextOptions = { styled: false }): string {
  const { totals } = plan;
  const colour = colourOf(options);
  const bold = (words: readonly string[]) => words.map((word) => colour("bold", word));
  const parts = [
    `${formatNumber(totals.objects)} objects, ${formatNumber(totals.units)} sections, ${formatNumber(totals.bytes.text)} bytes of text`,
    formatTable(
      bold([
        "component",
        "state",
        "text",
        "rodata",
        "data",
        "bss",
        "padding",
        "leaves",
        "gates",
        "can appear",
      ]),
      plan.components.map(({ name, state, owned, leaving, gates, canAppear }) => [
        name,
        colour(planColours[state], state),
        owned.text ?? 0,
        owned.rodata ?? 0,
        owned.data ?? 0,
        owned.bss ?? 0,
        owned.padding ?? 0,
        sumValues(leaving),
        gates,
        canAppear,
      ]),
    ),
    formatTable(bold(["region", "kind", "bytes", "pages", "leaves with"]), [
      ...plan.regions.map(({ name, kind, bytes, pages, owners }) => [
        name,
        kind,
        bytes,
        pages,
        owners.join(" and "),
      ]),
      ...(plan.image?.leavingPadding ?? []).map(({ offset, bytes }) => [
        `+0x${offset.toString(16)}`,
        "padding",
        bytes,
        bytes / pageSize,
        plan.components.find(({ hasPadding }) => hasPadding)?.name ?? "",
      ]),
    ]),
  ];
  if (plan.image !== undefined) {
    const rows = accountForImage(plan.image).map(({ fate, why, bytes }) => [fate, why, bytes]);
    parts.push(formatTable(bold(["image", "by or why", "bytes"]), [...rows, ["all", "", plan.image.bytes]]));
  }
  if (plan.tooSmall.length > 0)
    parts.push(
      `${colour("bold", "Too small for a page of their own, so they stay:")}\n${plan.tooSmall.map(({ owners, kind, bytes }) => `  ${formatNumber(bytes)} bytes of ${kind} of ${owners.join(" and ")}\n`).join("")}`,
    );
  if (plan.pins.length > 0)
    parts.push(
      `${colour("bold", "Pinned:")}\n${plan.pins.map(({ unit, because }) => `  ${unit}, by ${formatSource(because)}\n`).join("")}`,
    );
  if (plan.refusals.length > 0)
    parts.push(
      `${colour("red", "Refused:")}\n${plan.refusals.map(({ component, text }) => `  ${component}: ${text}\n`).join("")}`,
    );
  return parts.join("\n");
}
