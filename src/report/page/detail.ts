// SPDX-License-Identifier: Apache-2.0
/** The details of one unit. */
import { type Fates, fateTitles } from "../../model/fates.js";
import {
  type Keeper,
  kindOf,
  objectOf,
  ownersOf,
  roleOf,
  sectionOf,
  type Units,
  unitKey,
  unitName,
} from "../../model/units.js";
import { type Child, h } from "./dom.js";
import { count, plural, size } from "./format.js";

export interface DetailOptions {
  readonly units: Units;
  readonly keeper: Keeper;
  readonly fates: Fates;
  readonly machineTitle: string;
  /** A link to another unit. */
  link(unit: number): HTMLElement;
}

const mostListed = 12;

const sentences: Record<string, string> = {
  freed: "Its memory comes back.",
  kept: "It could leave, but its component is in use or has to stay here.",
  held: "Only its component needs it, but it stays everywhere: none of its kind of memory leaves, or too little for a page.",
  pinned: "Code that stays may reach this data, or uses an address far beside it, so it stays.",
  refused: "Its component cannot leave safely.",
  resident: "No component owns it.",
  boot: "The kernel frees it after boot, on every machine.",
};

const roleSentences: Record<string, string> = {
  init: "init code leaves, but an address that it stored somewhere stays",
  exports: "exported: a module may use it",
  plain: "nothing refers to it, so nothing shows that it could leave",
  calls: "a table that the kernel calls through",
  fixed: "the kernel needs it where it is",
  "no-gate": "runs where no other code may be called",
  unknown: "a section that the catalogue does not know",
};

export function makeDetail(unit: number, options: DetailOptions): Child[] {
  const { units, fates, machineTitle } = options;
  const { plan } = units;
  const owners = ownersOf(units, unit);
  const fate = fates.ofUnit(unit);
  const region = plan.columns.region[unit]!;
  const rule = units.rules.get(unit);
  const name = unitName(units, unit);
  const fact = (term: string, value: Child) => [h("dt", {}, term), h("dd", {}, value)];
  return [
    h("h3", { id: "unit-title", tabindex: "-1" }, name),
    h(
      "p",
      { class: "fate" },
      h("span", { class: `key ${fate}`, "aria-hidden": "true" }),
      `${fateTitles[fate]} (${machineTitle}). `,
      sentences[fate],
    ),
    h(
      "dl",
      {},
      ...fact("Object", objectOf(units, unit)),
      ...fact("Section", h("code", {}, sectionOf(units, unit))),
      ...fact("Size", `${size(plan.columns.bytes[unit]!)} of ${kindOf(units, unit)}`),
      ...fact("Owners", owners.length === 0 ? "none: resident" : owners.join(" and ")),
      ...(owners.length === 0 ? [] : fact("Claimed by", rule ?? "nothing: only its owners refer to it")),
      ...(region === 0 ? [] : fact("Region", describeRegion(units, region - 1))),
      ...(isExported(units, unit) ? fact("Exported", describeExport(units, unit)) : []),
    ),
    ...describeGate(units, unit),
    ...describeChain(unit, options),
    ...listReferences("Who refers to it", referrers(units, unit), options),
    ...listReferences("What it refers to", references(units, unit), options),
  ];
}

function describeRegion({ plan }: Units, index: number): string {
  const { name, pages, owners } = plan.regions[index]!;
  return `${name}, ${plural(pages, "page")}, leaves with ${owners.join(" and ")}`;
}

const into = (units: Units, unit: number) =>
  units.into.subarray(units.firstInto[unit]!, units.firstInto[unit + 1]!);
const isExported = (units: Units, unit: number) =>
  into(units, unit).some((edge) => units.roles[units.edgeFrom[edge]!] === "exports");

const gateOf = ({ plan, ...units }: Units, unit: number) => {
  const all = { plan, ...units };
  return plan.columns.region[unit] === 0
    ? undefined
    : plan.gates.find(
        (gate) => gate.object === objectOf(all, unit) && `.text.${gate.function}` === sectionOf(all, unit),
      );
};

const describeExport = (units: Units, unit: number) =>
  gateOf(units, unit)?.isExported ? "yes; modules get its gate" : "yes";

function describeGate(units: Units, unit: number): Child[] {
  const gate = gateOf(units, unit);
  if (gate === undefined) return [];
  const crossings = gate.crossings
    .slice(0, mostListed)
    .map(({ from, offset, kind }) => h("li", {}, `${from}+0x${offset.toString(16)} `, h("small", {}, kind)));
  const more = gate.crossings.length - crossings.length;
  return [
    h("h4", {}, "Gate"),
    h(
      "p",
      {},
      "Once it is gone, ",
      h("code", {}, gate.symbol),
      ` answers ${gate.answer} to ${plural(gate.crossings.length, "reference")} from outside:`,
    ),
    h("ul", {}, ...crossings, more > 0 ? h("li", {}, `and ${count(more)} more`) : undefined),
  ];
}

function describeChain(unit: number, { units, keeper, link }: DetailOptions): Child[] {
  const { edges, isOwn } = keeper.chainOf(unit);
  if (edges.length === 0) {
    if (units.isOwned(unit)) return [];
    const why = roleSentences[roleOf(units, unit)];
    return why === undefined
      ? []
      : [h("h4", {}, "Why it stays"), h("p", {}, `It stays without any reference: ${why}.`)];
  }
  const root = units.edgeFrom[edges[0]!]!;
  const why = isOwn
    ? `named by ${units.rules.get(root) ?? "its component"}`
    : roleSentences[roleOf(units, root)];
  const step = (edge: number) =>
    h(
      "li",
      {},
      link(units.edgeTo[edge]!),
      " ",
      h("small", {}, units.plan.columns.referenceKinds[units.edgeKind[edge]!]!),
    );
  return [
    h(
      "h4",
      {},
      isOwn
        ? "How its component reaches it"
        : units.isOwned(unit)
          ? "How it is reached from outside"
          : "Why it stays",
    ),
    h("ol", { class: "chain" }, h("li", {}, link(root), " ", h("small", {}, why ?? "")), ...edges.map(step)),
  ];
}

interface Reference {
  readonly unit: number;
  readonly kinds: readonly string[];
}

function collect(units: Units, edges: Iterable<number>, other: (edge: number) => number): Reference[] {
  const kinds = new Map<number, string[]>();
  for (const edge of edges) {
    const unit = other(edge);
    const known = kinds.get(unit) ?? [];
    kinds.set(unit, known);
    known.push(units.plan.columns.referenceKinds[units.edgeKind[edge]!]!);
  }
  return [...kinds].map(([unit, some]) => ({ unit, kinds: some }));
}

const referrers = (units: Units, unit: number) =>
  collect(units, into(units, unit), (edge) => units.edgeFrom[edge]!);

function references(units: Units, unit: number): Reference[] {
  const first = units.firstEdge[unit]!;
  const edges = Array.from({ length: units.firstEdge[unit + 1]! - first }, (_, index) => first + index);
  return collect(units, edges, (edge) => units.edgeTo[edge]!);
}

function listReferences(title: string, all: readonly Reference[], { link, units }: DetailOptions): Child[] {
  const item = ({ unit, kinds }: Reference) =>
    h("li", { title: unitKey(units, unit) }, link(unit), " ", h("small", {}, kinds.join(", ")));
  const list = h("ul", {}, ...all.slice(0, mostListed).map(item));
  const rest = all.slice(mostListed);
  const heading = h("h4", {}, `${title} `, h("small", {}, count(all.length)));
  if (all.length === 0) return [heading, h("p", {}, "Nothing.")];
  if (rest.length === 0) return [heading, list];
  const button = h("button", { type: "button", class: "more" }, `Show ${count(rest.length)} more`);
  button.addEventListener("click", () => {
    list.append(...rest.map(item));
    button.remove();
  });
  return [heading, list, button];
}
