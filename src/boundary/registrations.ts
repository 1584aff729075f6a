// SPDX-License-Identifier: Apache-2.0
/**
 * Which addresses init code may keep: by the manifest of a component (`registers`) its own init code, and that of
 * objects that the manifest names, those of everything that it alone owns, as they are kept only where it is in use;
 * but for what the manifest takes out by name.
 */
import { sourceName } from "../component/answer.js";
import type { Claims } from "../component/claim.js";
import { nearest } from "../component/nearest.js";
import { isLiteral, nameMatcher, pathMatcher } from "../component/pattern.js";
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";
import { symbolType } from "../elf/format.js";
import { symbolName } from "../elf/object.js";
import type { Graph, UnitId } from "../graph/graph.js";
import type { Ownership } from "../ownership/owners.js";

/** Whether init code of an object may keep an address of a unit. */
export type Registrations = (object: number, unit: UnitId) => boolean;

/**
 * A name in `except` that the component does not have is a mistake, for it would spare what the manifest means not
 * to; a pattern may match nothing, and so may a name in a manifest that ships, which is for all configurations.
 */
export function findRegistrations(graph: Graph, claims: Claims, ownership: Ownership): Registrations {
  const { components } = claims;
  const ownerByUnit = (unit: UnitId): number => {
    const members = ownership.sets.members(ownership.ownersByUnit[unit]!);
    return members.length === 1 ? members[0]! : -1;
  };
  const excepted = new Set<UnitId>();
  const names = components.some(({ registers }) => registers?.except)
    ? collectNames(graph, ownerByUnit)
    : new Map<number, ReadonlyMap<string, readonly UnitId[]>>();
  const diagnostics: Diagnostic[] = [];
  components.forEach(({ registers, file, isShipped }, index) => {
    const own = names.get(index) ?? new Map<string, readonly UnitId[]>();
    const missing = (kind: string, name: string, known: Iterable<string>) =>
      !isShipped &&
      diagnostics.push(
        diagnose("manifest-no-match", {
          file,
          line: registers!.line,
          ...{ kind, name, near: nearest(name, known) },
        }),
      );
    for (const pattern of registers?.except ?? []) {
      if (isObject(pattern)) {
        const files = graph.objects.map((object) => object.file);
        if (isLiteral(pattern) && !files.includes(pattern)) missing("object", pattern, files);
        continue;
      }
      const matches = nameMatcher(pattern);
      const units = [...own].flatMap(([name, some]) => (matches(name) ? some : []));
      if (units.length === 0 && isLiteral(pattern)) missing("symbol of the component", pattern, own.keys());
      for (const unit of units) excepted.add(unit);
    }
  });
  failIfAny(diagnostics);
  const registering = components.map((_, index) => findRegistering(graph, claims, index));
  return (object, unit) => registering[ownerByUnit(unit)]?.has(object) === true && !excepted.has(unit);
}

/** Objects whose init code keeps addresses of a component only where it is in use. */
function findRegistering(graph: Graph, { components, componentByUnit }: Claims, component: number) {
  const { registers } = components[component]!;
  const objects = new Set<number>();
  if (registers === undefined) return objects;
  for (let unit = 0; unit < graph.unitCount; unit++)
    if (componentByUnit[unit] === component) objects.add(graph.unitObject[unit]!);
  for (const pattern of registers.by ?? []) {
    const matches = pathMatcher(pattern);
    graph.objects.forEach(({ file }, object) => {
      if (matches(file)) objects.add(object);
    });
  }
  for (const pattern of (registers.except ?? []).filter(isObject)) {
    const matches = pathMatcher(pattern);
    for (const object of objects) if (matches(graph.objects[object]!.file)) objects.delete(object);
  }
  return objects;
}

/** No symbol has a `/` in its name. */
const isObject = (pattern: string) => pattern.includes("/");

/** Functions and variables of each component, by name; a clone that the compiler made also by its function's. */
function collectNames(graph: Graph, ownerOf: (unit: UnitId) => number) {
  const byComponent = new Map<number, Map<string, UnitId[]>>();
  graph.objects.forEach((object, index) => {
    const base = graph.symbolBase[index]!;
    for (let symbol = 1; symbol < object.symbols.count; symbol++) {
      const unit = graph.symbolUnit[base + symbol]!;
      const type = object.symbols.type[symbol];
      if (unit < 0 || (type !== symbolType.function && type !== symbolType.object)) continue;
      const component = ownerOf(unit);
      if (component < 0) continue;
      const names = byComponent.get(component) ?? new Map<string, UnitId[]>();
      byComponent.set(component, names);
      const name = symbolName(object, symbol);
      for (const one of new Set([name, sourceName(name)])) names.set(one, [...(names.get(one) ?? []), unit]);
    }
  });
  return byComponent;
}
