// SPDX-License-Identifier: Apache-2.0
/** Possible meanings of a name: a component, functions and variables, a section, an object file. */

import { formatUnit, type Graph, sectionOf, type UnitId } from "../1-graph/graph.js";
import { nearest } from "../3-component/nearest.js";
import { fail } from "../diagnostics.js";
import { symbolType } from "../elf/format.js";
import { symbolName, symbolsOf } from "../elf/object.js";
import type { PlannedBuild } from "../passes.js";

export type Subject =
  | { readonly kind: "component"; readonly component: string }
  /** Several where objects have static functions of that name. */
  | { readonly kind: "units"; readonly units: readonly UnitId[] }
  | { readonly kind: "object"; readonly object: string; readonly units: readonly UnitId[] };

export function findSubject({ graph, claims, plan }: PlannedBuild, name: string): Subject {
  if (plan.components.some((component) => component.name === name))
    return { kind: "component", component: name };
  const file = name.replace(/^\.\//, "");
  const object = graph.objects.findIndex((one) => one.file === file);
  if (object >= 0) return { kind: "object", object: file, units: unitsOf(graph, object) };
  const symbols = collectSymbols(graph);
  const units = symbols.get(name) ?? unitsOfSection(graph, name);
  if (units.length > 0) return { kind: "units", units };
  const names = [
    ...[...claims.components, ...claims.skipped].map((component) => component.name),
    ...graph.objects.map((one) => one.file),
    ...symbols.keys(),
  ];
  return fail("name-unknown", { name, near: nearest(name, names) });
}

const hasBytes = (graph: Graph, unit: UnitId) => sectionOf(graph, unit).size > 0;

function unitsOf(graph: Graph, object: number): UnitId[] {
  const units: UnitId[] = [];
  for (let unit = 0; unit < graph.unitCount; unit++)
    if (graph.unitObject[unit] === object && hasBytes(graph, unit)) units.push(unit);
  return units;
}

function unitsOfSection(graph: Graph, name: string): UnitId[] {
  const units: UnitId[] = [];
  for (let unit = 0; unit < graph.unitCount; unit++)
    if (hasBytes(graph, unit) && (sectionOf(graph, unit).name === name || formatUnit(graph, unit) === name))
      units.push(unit);
  return units;
}

function collectSymbols(graph: Graph): Map<string, UnitId[]> {
  const named = new Map<string, UnitId[]>();
  graph.objects.forEach((object, index) => {
    const { symbols } = object;
    for (const symbol of symbolsOf(object)) {
      const unit = graph.symbolUnit[graph.symbolBase[index]! + symbol]!;
      const type = symbols.type[symbol];
      if (unit < 0 || type === symbolType.section || type === symbolType.file) continue;
      const name = symbolName(object, symbol);
      const known = named.get(name);
      if (known === undefined) named.set(name, [unit]);
      else if (!known.includes(unit)) known.push(unit);
    }
  });
  return named;
}
