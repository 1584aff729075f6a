// SPDX-License-Identifier: Apache-2.0
/** Predictions for people: one machine's components, or how a fleet's machines are distributed. */
import { formatNumber } from "../formatNumber.js";
import type { Distribution, MachineGroup, Quartiles } from "../predict/distribution.js";
import { type Bin, binHistogram } from "../predict/histogram.js";
import type { Bounds, Prediction } from "../predict/predict.js";
import { colourOf, type TextOptions } from "./colour.js";
import { markdownTable } from "./markdown.js";
import { formatTable } from "./textTable.js";

const range = ({ min, max }: Bounds) =>
  min === max ? formatNumber(min) : `${formatNumber(min)} to ${formatNumber(max)}`;

export function formatPrediction(
  { machine, components, pages, notes }: Prediction,
  options: TextOptions,
): string {
  const colour = colourOf(options);
  return [
    `${colour("bold", machine ?? "this machine")}: ${range(pages)} pages leave`,
    "",
    formatTable(
      ["component", "present", "outcome", "pages", "reason"],
      components.map((one) => [one.component, one.present, one.outcome, range(one.pages), one.reason]),
    ),
    ...notes.map((note) => `${note}\n`),
  ].join("\n");
}

const barWidth = 40;

function formatHistogram(histogram: Distribution["histogram"]): string[] {
  const bins = binHistogram(histogram);
  const most = Math.max(...bins.map(({ machines }) => machines));
  const width = Math.max(...bins.map((bin) => labelOf(bin).length));
  return bins.map(
    (bin) =>
      `${labelOf(bin).padStart(width)}  ${"#".repeat(Math.ceil((bin.machines / most) * barWidth)).padEnd(barWidth)} ${formatNumber(bin.machines)}`,
  );
}

const labelOf = ({ from, to }: Bin) =>
  from === to ? formatNumber(from) : `${formatNumber(from)}-${formatNumber(to)}`;

const quartilesOf = ({ min, q1, median, q3, max }: Quartiles) => [min, q1, median, q3, max];
const heads = ["min", "q1", "median", "q3", "max"];

const mostRows = 15;

function groupRows(groups: readonly MachineGroup[]): (string | number)[][] {
  return groups
    .slice(0, mostRows)
    .map(({ name, machines, pages }) => [name, machines, ...quartilesOf(pages)]);
}

const more = (count: number, what: string) => (count > 0 ? [`and ${formatNumber(count)} more ${what}`] : []);

/** The parts of a distribution, each a title, the head of a table and its rows. */
function parts(distribution: Distribution): readonly (readonly [string, string[], (string | number)[][]])[] {
  const { machines, pages, most, components, byFormFactor, byVendor, classes } = distribution;
  return [
    [
      `Pages that leave, on ${formatNumber(machines)} machines`,
      ["", ...heads],
      [
        ["surely", ...quartilesOf(pages)],
        ["at most", ...quartilesOf(most)],
      ],
    ],
    [
      "Machines on which a component is present",
      ["component", "present", "unknown", "absent", "surely leaves"],
      components.map(({ component, usedBy, unknown, leaves }) => [
        ...[component, usedBy, unknown, machines - usedBy - unknown, leaves],
      ]),
    ],
    [
      "Pages that surely leave, by form factor",
      ["form factor", "machines", ...heads],
      groupRows(byFormFactor),
    ],
    ["Pages that surely leave, by vendor", ["vendor", "machines", ...heads], groupRows(byVendor)],
    [
      `${formatNumber(classes.length)} classes of machines, in each of which the same components leave`,
      ["machines", "pages", "bytes left behind", "stays or is unknown"],
      classes.slice(0, mostRows).map((one) => [
        ...[one.machines, range(one.pages), one.leftBehind],
        components
          .map(({ component }) => component)
          .filter((name) => !one.leaves.includes(name))
          .map((name) => (one.unknown.includes(name) ? `${name}?` : name))
          .join(" ") || "-",
      ]),
    ],
  ];
}

export function formatDistribution(distribution: Distribution, options: TextOptions): string {
  const colour = colourOf(options);
  const { byVendor, classes, machinesOutsideClasses, noted } = distribution;
  const [first, ...others] = parts(distribution).map(
    ([title, head, rows]) => `${colour("bold", title)}\n\n${formatTable(head, rows)}`,
  );
  return [
    first!,
    ...(distribution.histogram.length > 0
      ? [
          `${colour("bold", "Machines by pages that surely leave")}\n\n${formatHistogram(distribution.histogram).join("\n")}\n`,
        ]
      : []),
    ...others,
    ...more(byVendor.length - mostRows, "vendors"),
    ...more(classes.length - mostRows, "classes"),
    ...more(machinesOutsideClasses, "machines in further classes"),
    ...(noted > 0
      ? [
          `${formatNumber(noted)} machines have notes (broken firmware, kernel parameters): --json shows them.`,
        ]
      : []),
    "",
  ].join("\n");
}

export function formatDistributionMarkdown(distribution: Distribution): string {
  const { byVendor, classes, noted } = distribution;
  const cells = (row: readonly (string | number)[]) =>
    row.map((cell) => (typeof cell === "number" ? formatNumber(cell) : cell));
  const [first, ...others] = parts(distribution).map(
    ([title, head, rows]) => `${title}:\n\n${markdownTable(head, rows.map(cells))}\n`,
  );
  return [
    first!,
    `\`\`\`\n${formatHistogram(distribution.histogram).join("\n")}\n\`\`\`\n`,
    ...others,
    [
      ...more(byVendor.length - mostRows, "vendors"),
      ...more(classes.length - mostRows, "classes"),
      `${formatNumber(noted)} machines with broken tables`,
    ].join("; "),
    "",
  ].join("\n");
}
