// SPDX-License-Identifier: Apache-2.0
/**
 * Decides which addresses init code may keep. A manifest lists (`registers`) functions and tables of init code that keep addresses
 * of its component only where the component is in use. A reference from one of them to a unit that the component owns, alone or with
 * others, is harmless: the target leaves only where the component is not in use. Any other reference is a crossing, so
 * init code that a manifest's author has not read is never trusted. A built-in module that leaves without a manifest may keep
 * addresses of its own: its exit function undoes that.
 *
 * If several objects have a function of one name, the component's own is meant: a driver elsewhere that happens to use the name
 * changes nothing. An entry is void if its name is still ambiguous, or if its `except` names a symbol that does not exist. In a user's own
 * manifest this is a mistake, and so is a name that the build lacks.
 */

import { type Extent, extentsIn, namesAround } from "../1-graph/around.js";
import { describeEdge, type EdgeId, type Graph, type UnitId } from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";
import { sourceName } from "../3-component/answer.js";
import type { Claims } from "../3-component/claim.js";
import type { Component, Registration } from "../3-component/component.js";
import { nearest } from "../3-component/nearest.js";
import { resident } from "../5-ownership/ownerSets.js";
import type { Ownership } from "../5-ownership/owners.js";
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";
import { symbolType } from "../elf/format.js";
import { symbolName, symbolsOf } from "../elf/object.js";

/** Whether the function or table of init code that a reference lies in may keep the address. */
export type Registrations = (edge: EdgeId) => boolean;

/** By name, as the source has it: the objects, and what lies there. */
type Names = ReadonlyMap<string, ReadonlySet<UnitId>>;

/** Units that an entry lets an object's function or table keep: all of a component but some. */
interface Allowance {
  readonly component: number;
  readonly except: ReadonlySet<UnitId>;
}

export function findRegistrations(
  graph: Graph,
  roles: readonly Role[],
  claims: Claims,
  ownership: Ownership,
): Registrations {
  const { components } = claims;
  const isAsked = components.some(({ registers }) => registers !== undefined);
  const inInit: Names = isAsked ? collectNames(graph, (unit) => roles[unit] === "init") : new Map();
  const owned: Names = isAsked
    ? collectNames(graph, (unit) => ownership.ownersByUnit[unit] !== resident)
    : new Map();
  const files = new Set(graph.objects.map(({ file }) => file));
  const own = components.map(() => new Set<number>());
  claims.componentByUnit.forEach((component, unit) => {
    own[component]?.add(graph.unitObject[unit]!);
  });
  const diagnostics: Diagnostic[] = [];
  /** By object and name. */
  const allowances = new Map<string, Allowance[]>();
  components.forEach((component, index) => {
    const owns = (unit: UnitId) => ownership.sets.members(ownership.ownersByUnit[unit]!).includes(index);
    for (const entry of component.registers ?? []) {
      const report = reporterFor(component, entry, diagnostics);
      if (entry.object !== undefined && !files.has(entry.object)) {
        report(entry.object, "is not in this build", files);
        continue;
      }
      const isMeant = (unit: UnitId) =>
        entry.object === undefined || graph.objects[graph.unitObject[unit]!]!.file === entry.object;
      const exceptions = entry.except.map((name) => [...(owned.get(name) ?? [])].filter(owns));
      entry.except.forEach((name, at) => {
        if (exceptions[at]!.length === 0)
          report(name, "is no function or object of the component", owned.keys());
      });
      const except = new Set(exceptions.flat());
      for (const name of entry.by) {
        const units = [...(inInit.get(name) ?? [])].filter(isMeant);
        const having = new Set(units.map((unit) => graph.unitObject[unit]!));
        const ours = [...having].filter((object) => own[index]!.has(object));
        const objects = ours.length === 1 ? new Set(ours) : having;
        if (objects.size === 0) report(name, "is no function or table of init code", inInit.keys());
        if (objects.size > 1)
          report(name, `is in ${objects.size} objects, and \`in\` does not say in which`, []);
        if (objects.size !== 1 || exceptions.some((some) => some.length === 0)) continue;
        const key = `${[...objects][0]} ${name}`;
        allowances.set(key, [...(allowances.get(key) ?? []), { component: index, except }]);
      }
    }
  });
  failIfAny(diagnostics);

  const extents = new Map<UnitId, readonly Extent[]>();
  return (edge) => {
    const { from, to, offset } = describeEdge(graph, edge);
    if (roles[from] !== "init") return false;
    const [owner] = ownership.sets.members(ownership.ownersByUnit[to]!);
    // Its exit function takes back what its init code gave away.
    if (components[owner!]?.automatic?.objects.has(graph.unitObject[from]!)) return true;
    const known = extents.get(from) ?? extentsIn(graph, from);
    extents.set(from, known);
    const owners = ownership.sets.members(ownership.ownersByUnit[to]!);
    return namesAround(known, offset).some((name) =>
      allowances
        .get(`${graph.unitObject[from]} ${sourceName(name)}`)
        ?.some(({ component, except }) => owners.includes(component) && !except.has(to)),
    );
  };
}

/** A shipped manifest serves many kernels, and so may an entry (`optional`). */
function reporterFor(
  { file, isShipped }: Component,
  { line, isOptional }: Registration,
  diagnostics: Diagnostic[],
) {
  const isForgiven = isOptional === true || isShipped;
  return (name: string, what: string, known: Iterable<string>) => {
    if (isForgiven) return;
    diagnostics.push(diagnose("manifest-registers", { file, line, name, what, near: nearest(name, known) }));
  };
}

/** Functions and objects by name, a clone that the compiler made by its function's too. */
function collectNames(graph: Graph, isWanted: (unit: UnitId) => boolean): Names {
  const names = new Map<string, Set<UnitId>>();
  graph.objects.forEach((object, index) => {
    const base = graph.symbolBase[index]!;
    for (const symbol of symbolsOf(object)) {
      const unit = graph.symbolUnit[base + symbol]!;
      const type = object.symbols.type[symbol];
      if (graph.definition[base + symbol] !== base + symbol) continue;
      if (unit < 0 || (type !== symbolType.function && type !== symbolType.object) || !isWanted(unit))
        continue;
      const name = symbolName(object, symbol);
      for (const one of new Set([name, sourceName(name)]))
        names.set(one, (names.get(one) ?? new Set()).add(unit));
    }
  });
  return names;
}
