// SPDX-License-Identifier: Apache-2.0
/** A diff for a terminal and for a pull request. Both have the same contents. */

import { formatNumber } from "../formatNumber.js";
import { formatSource } from "../plan/plan.js";
import { type Colour, colourOf, type TextOptions } from "../report/colour.js";
import { markdownTable } from "../report/markdown.js";
import { formatTable } from "../report/textTable.js";
import type { Limit, Verdict } from "./budgets.js";
import { type Change, isSame, type PlanDiff } from "./diff.js";

const mostRows = 20;

const difference = ({ before, after }: Change) => {
  const by = after - before;
  return by === 0 ? "=" : `${by > 0 ? "+" : "-"}${formatNumber(Math.abs(by))}`;
};
const owners = (names: readonly string[]) => names.join(" and ") || "resident";
const formatLimit = ({ unit, value }: Limit) => (unit === "percent" ? `${value}%` : formatNumber(value));

const isNumeric = (cell: string) => /^([+-]?[\d,]+|=|)$/.test(cell);

/** Columns of numbers, some with a sign, to the right. */
function alignNumbers(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, index) =>
    rows.every((row) => isNumeric(row[index]!)) ? Math.max(...rows.map((row) => row[index]!.length)) : 0,
  );
  const pad = (row: readonly string[]) => row.map((cell, index) => cell.padStart(widths[index]!));
  return formatTable(pad(head), rows.map(pad));
}

interface Part {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** How many rows were left out. */
  readonly more: number;
}

function cut(title: string, head: readonly string[], rows: readonly (readonly string[])[]): Part[] {
  if (rows.length === 0) return [];
  return [{ title, head, rows: rows.slice(0, mostRows), more: Math.max(0, rows.length - mostRows) }];
}

function collectParts(diff: PlanDiff): Part[] {
  const row = (name: string, change: Change) => [
    name,
    formatNumber(change.before),
    formatNumber(change.after),
    difference(change),
  ];
  const { totals, pages, gates, pins, refusals } = diff;
  const figures: [string, Change][] = [
    ...Object.entries(totals).filter(([, { before, after }]) => before + after > 0),
    ["pages that can leave", pages],
    ["gates", gates],
    ["pins", pins],
    ["refusals", refusals],
  ];
  const changed = diff.components.filter(
    ({ owned, leaves, gates: some, stateBefore, stateAfter }) =>
      stateBefore !== stateAfter || [owned, leaves, some].some(({ before, after }) => before !== after),
  );
  return [
    ...cut(
      "Kernel",
      ["bytes or count", "before", "after", ""],
      figures.map(([name, change]) => row(name, change)),
    ),
    ...cut(
      "Components that changed",
      ["component", "owns", "", "leaves", "", "gates", "", "state"],
      changed.map(({ component, owned, leaves, gates: some, stateBefore, stateAfter }) => [
        component,
        ...[owned, leaves, some].flatMap((change) => [formatNumber(change.after), difference(change)]),
        stateBefore === stateAfter ? stateAfter : `${stateBefore} -> ${stateAfter}`,
      ]),
    ),
    ...cut(
      "Moved between owners",
      ["unit", "bytes", "from", "to"],
      diff.moved.map(({ unit, bytes, from, to }) => [unit, formatNumber(bytes), owners(from), owners(to)]),
    ),
    ...cut(
      "New gates",
      ["function", "answers", "for", "first of them"],
      diff.newGates.map((gate) => [
        gate.function,
        gate.answer,
        formatNumber(gate.crossings.length),
        gate.crossings[0]?.from ?? "",
      ]),
    ),
    ...cut(
      "Gates gone",
      ["function"],
      diff.goneGates.map((name) => [name]),
    ),
    ...cut(
      "New pins",
      ["data", "bytes", "reached by"],
      diff.newPins.map(({ unit, bytes, because }) => [unit, formatNumber(bytes), formatSource(because)]),
    ),
    ...cut(
      "Pins gone",
      ["data"],
      diff.gonePins.map((unit) => [unit]),
    ),
    ...cut(
      "New refusals",
      ["component", "because"],
      diff.newRefusals.map(({ component, text }) => [component, text]),
    ),
    ...cut(
      "Refusals gone",
      ["component"],
      diff.goneRefusals.map((component) => [component]),
    ),
    ...cut(
      "Units that changed most",
      ["unit", "kind", "of", "before", "after", ""],
      diff.units.map(({ unit, kind, owners: of, bytes }) => [
        unit,
        kind,
        owners(of),
        formatNumber(bytes.before),
        formatNumber(bytes.after),
        difference(bytes),
      ]),
    ),
  ];
}

const verdictRow = ({ figure, before, after, allowed, limit, passed }: Verdict) => [
  figure,
  formatNumber(before),
  formatNumber(after),
  difference({ before, after }),
  limit.unit === "percent" ? `${formatLimit(limit)} = ${formatNumber(allowed)}` : formatNumber(allowed),
  passed ? "ok" : "over",
];
const verdictHead = ["budget", "before", "after", "", "allowed", ""];

const paint = (text: string, colour: Colour) =>
  text.replace(/ over$/gm, ` ${colour("red", "over")}`).replace(/ ok$/gm, ` ${colour("green", "ok")}`);

export function formatDiff(diff: PlanDiff, verdicts: readonly Verdict[], options: TextOptions): string {
  const colour = colourOf(options);
  const parts = (isSame(diff) ? [] : collectParts(diff)).map(
    ({ title, head, rows, more }) =>
      `${colour("bold", title)}\n${alignNumbers(head, rows)}${more > 0 ? `and ${formatNumber(more)} more\n` : ""}`,
  );
  if (isSame(diff)) parts.push("The two plans are the same.\n");
  if (verdicts.length > 0)
    parts.push(
      `${colour("bold", "Budgets")}\n${paint(alignNumbers(verdictHead, verdicts.map(verdictRow)), colour)}`,
    );
  return parts.join("\n");
}

export function formatDiffMarkdown(diff: PlanDiff, verdicts: readonly Verdict[]): string {
  const over = verdicts.filter(({ passed }) => !passed);
  const summary =
    verdicts.length === 0
      ? "No budgets are set."
      : over.length === 0
        ? `All ${verdicts.length} budgets are kept.`
        : `**${over.length} of ${verdicts.length} budgets are exceeded.**`;
  const parts = ["### Jettison", "", isSame(diff) ? "The two plans are the same." : summary, ""];
  if (verdicts.length > 0) parts.push(markdownTable(verdictHead, verdicts.map(verdictRow)), "");
  if (!isSame(diff))
    for (const { title, head, rows, more } of collectParts(diff)) {
      const body = `${markdownTable(head, rows)}${more > 0 ? `\n\nand ${formatNumber(more)} more` : ""}`;
      const isOpen = title === "Kernel" || title.startsWith("Components");
      parts.push(
        isOpen
          ? `**${title}**\n\n${body}\n`
          : `<details><summary>${title}</summary>\n\n${body}\n\n</details>\n`,
      );
    }
  return `${parts.join("\n").trimEnd()}\n`;
}
