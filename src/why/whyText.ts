// SPDX-License-Identifier: Apache-2.0
/** The answers of `jettison why` for a terminal. */

import { formatNumber } from "../formatNumber.js";
import { formatSource } from "../plan/plan.js";
import { type Colour, colourOf, type TextOptions } from "../report/colour.js";
import { formatTable } from "../report/textTable.js";
import { sumValues } from "../sum.js";
import type { Answer } from "./explain.js";
import type { ComponentAnswer } from "./explainComponent.js";
import type { ObjectAnswer } from "./explainObject.js";
import type { UnitAnswer } from "./explainUnit.js";
import type { Step } from "./steps.js";

const verdictColours = { stays: "yellow", leaves: "green", boot: "gray", none: "gray" } as const;
const verdictWords = { stays: "stays", leaves: "leaves", boot: "leaves at boot", none: "no bytes" } as const;
/** Lists end here, with the number of further entries. */
const mostLines = 12;

function cap<T>(all: readonly T[], format: (one: T) => string, indent: string): string[] {
  const lines = all.slice(0, mostLines).map((one) => indent + format(one));
  return all.length > mostLines
    ? [...lines, `${indent}and ${formatNumber(all.length - mostLines)} more`]
    : lines;
}

/** `drivers/acpi/pci_root.o:(.text.f)+0x1c  branch  dmar_device_add  drivers/acpi/pci_root.c:638`. */
function formatStep({ from, by, offset, kind, to, symbol, source }: Step, colour: Colour): string {
  const named = symbol === "" || symbol.startsWith(".") || to.endsWith(`.${symbol})`) ? "" : `, as ${symbol}`;
  const line = source === undefined ? "" : `  ${colour("cyan", source)}`;
  return `${from}+0x${offset.toString(16)}${by === undefined ? "" : `, ${by}`} ${colour("dim", `(${kind}${named})`)}${line}`;
}

function formatChain(steps: readonly Step[], end: string, colour: Colour): string[] {
  if (steps.length === 0) return [];
  return [
    ...steps.map(
      (step, index) => `${"  ".repeat(index + 1)}${index === 0 ? "" : "-> "}${formatStep(step, colour)}`,
    ),
    `${"  ".repeat(steps.length + 1)}-> ${end}`,
  ];
}

function formatUnitAnswer(answer: UnitAnswer, options: TextOptions): string {
  const colour = colourOf(options);
  const { unit, kind, bytes, owners, rule, region, verdict, because, root, chain, gates } = answer;
  const facts = [
    `${formatNumber(bytes)} bytes of ${kind}`,
    ...(owners.length === 0 ? [] : [`of ${owners.join(" and ")}`]),
    ...(rule === undefined ? [] : [`claimed by ${rule}`]),
    ...(region === undefined ? [] : [`region ${region}`]),
  ];
  const lines = [
    `${colour("bold", unit)}: ${facts.join(", ")}`,
    `${colour(verdictColours[verdict], verdictWords[verdict])}: ${because}`,
    ...formatChain(chain, unit, colour),
    ...(root === undefined || chain.length === 0
      ? []
      : [colour("dim", `  it starts at ${root.unit}: ${root.why}`)]),
    ...gates.flatMap(({ symbol, answer: value, crossings }) => [
      `${symbol} stands for it once it is gone, and answers ${value} to`,
      ...cap(crossings, (step) => formatStep(step, colour), "  "),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

function formatObjectAnswer(
  { object, verdicts, units, nearest }: ObjectAnswer,
  options: TextOptions,
): string {
  const colour = colourOf(options);
  const sums = verdicts.map(({ verdict, units: count, bytes }) => [verdictWords[verdict], count, bytes]);
  const rows = units
    .slice(0, mostLines)
    .map((one) => [one.section, one.kind, one.bytes, verdictWords[one.verdict], one.owners.join(" and ")]);
  const rest = units.length - rows.length;
  return [
    colour("bold", object),
    formatTable(["", "sections", "bytes"], sums),
    formatTable(["largest", "kind", "bytes", "", "of"], rows) +
      (rest > 0 ? `and ${formatNumber(rest)} more\n` : ""),
    ...(nearest === undefined
      ? []
      : ["The shortest chain of references that keeps it:", formatUnitAnswer(nearest, options)]),
  ].join("\n");
}

function formatComponentAnswer(answer: ComponentAnswer, options: TextOptions): string {
  const colour = colourOf(options);
  const { component, regions, gates, pins, refusal, staying, changes } = answer;
  const { name, title, state, owned } = component;
  const total = (bytes: Readonly<Record<string, number>>) => sumValues(bytes);
  if (state === "not-built") return `${colour("bold", name)} (${title}): this build has nothing of it.\n`;
  const leaving = Object.entries(component.leaving);
  const parts = [
    `${colour("bold", name)} (${title}) owns ${formatNumber(total(owned))} bytes, of which ${leaving.length === 0 ? "none leave" : `${leaving.map(([kind, bytes]) => `${formatNumber(bytes)} bytes of ${kind}`).join(", ")} leave`}.\n`,
  ];
  if (regions.length > 0)
    parts.push(
      formatTable(
        ["region", "kind", "bytes", "pages", "leaves with"],
        regions.map((one) => [one.name, one.kind, one.bytes, one.pages, one.owners.join(" and ")]),
      ),
    );
  if (refusal !== undefined)
    parts.push(
      [
        `${colour("red", "Refused")}: ${refusal.text}`,
        ...formatChain(refusal.chain, refusal.chain.at(-1)?.to ?? "", colour),
        "",
      ].join("\n"),
    );
  if (staying.length > 0)
    parts.push(
      formatTable(
        ["stays because", "bytes", "sections"],
        staying.map((one) => [one.because, one.bytes, one.units]),
      ),
    );
  if (pins.length > 0)
    parts.push(
      [
        `Pinned, ${pins.length}:`,
        ...cap(
          pins,
          ({ unit, bytes, chain }) => {
            const last = chain.at(-1);
            return `${unit}, ${formatNumber(bytes)} bytes, by ${last === undefined ? "nothing" : formatSource(last)}`;
          },
          "  ",
        ),
        "",
      ].join("\n"),
    );
  if (gates.length > 0)
    parts.push(
      `Gates, ${gates.length}:\n${formatTable(
        ["function", "answers", "for", "first of them"],
        gates
          .slice(0, mostLines)
          .map((one) => [
            one.function,
            one.answer,
            one.crossings.length,
            one.crossings[0] === undefined ? "" : formatStep(one.crossings[0], colour),
          ]),
      )}${gates.length > mostLines ? `and ${formatNumber(gates.length - mostLines)} more\n` : ""}`,
    );
  if (changes.length > 0)
    parts.push(
      [
        "Changes that would free more:",
        ...changes.map(
          ({ bytes, what }) => `  ${bytes === undefined ? "" : `${formatNumber(bytes)} bytes. `}${what}`,
        ),
        "",
      ].join("\n"),
    );
  return parts.join("\n");
}

export function formatAnswer(answer: Answer, options: TextOptions): string {
  switch (answer.kind) {
    case "component":
      return formatComponentAnswer(answer.answer, options);
    case "object":
      return formatObjectAnswer(answer.answer, options);
    default:
      return answer.answers.map((one) => formatUnitAnswer(one, options)).join("\n");
  }
}
