// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the seeds: the units that manifests assign to their components. If no rule of a component finds
 * anything, the component is not built in, and is skipped. If only some of its rules find nothing, the manifest has mistakes,
 * unless it ships with Jettison: then the build lacks that part of the component.
 */

import { formatUnit, type Graph, sectionOf, type UnitId } from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";
import { symbolType } from "../elf/format.js";
import { symbolName, symbolsOf } from "../elf/object.js";
import type { CodeRule, Component } from "./component.js";
import { nearest } from "./nearest.js";
import { isLiteral, nameMatcher, pathMatcher } from "./pattern.js";

export interface Claims {
  /** The components that are built in, in the order of the manifests. */
  readonly components: readonly Component[];
  /** Components of which this build has nothing. */
  readonly skipped: readonly Component[];
  /** Missing parts of shipped components, by their names: patterns that match nothing, symbols of `inUse`. */
  readonly lacking: ReadonlyMap<string, readonly string[]>;
  /** For each unit the component that claims it, as an index into `components`; -1: none. */
  readonly componentByUnit: Int16Array;
  /** The rule that claimed a unit: `components/iommu.yaml:12`. */
  readonly ruleByUnit: ReadonlyMap<UnitId, string>;
  /** The part of that rule that matched: `objects drivers/iommu/amd/**`. */
  readonly matchedByUnit: ReadonlyMap<UnitId, string>;
  /** Those claimed as what only init code calls. */
  readonly initHelpers: ReadonlySet<UnitId>;
  /** Units that stay because a manifest names them under `resident`, or because they answer for functions that left. */
  readonly residentByName: ReadonlySet<UnitId>;
}

/** Names that the patterns of rules are matched against, collected once for all of them. */
interface Names {
  readonly unitsByObject: ReadonlyMap<string, readonly UnitId[]>;
  readonly unitsBySection: ReadonlyMap<string, readonly UnitId[]>;
  readonly unitsBySymbol: ReadonlyMap<string, readonly UnitId[]>;
}

/** Where the kernel has it, its linker script has places for tables (runtime/linux/kernel/jettison/policy.c). */
const tablesSymbol = "jettison_forget_tables";

/** Returns the units that only init code calls, among those that nothing has claimed. */
export type HelperFinder = (isTaken: (unit: UnitId) => boolean) => readonly UnitId[];

export function claimUnits(
  graph: Graph,
  roles: readonly Role[],
  manifest: readonly Component[],
  findInitHelpers: HelperFinder,
): Claims {
  const diagnostics: Diagnostic[] = [];
  const names = collectNames(graph, roles, manifest);
  const found = manifest.map((component) => ({
    component,
    rules: component.code.flatMap((rule) =>
      rule.patterns.map((pattern) => ({ rule, pattern, units: unitsMatching(names, rule, pattern) })),
    ),
  }));
  // Padding and tables are there when all has been linked; what only init code calls is found when all others have claimed theirs.
  const isBuilt = ({ component, rules }: (typeof found)[number]) =>
    component.padding !== undefined ||
    (component.table !== undefined && graph.globals.has(tablesSymbol)) ||
    rules.some(({ rule, units }) => units.length > 0 || rule.kind === "onlyCalledBy");
  const built = found.filter(isBuilt);
  const componentByUnit = new Int16Array(graph.unitCount).fill(-1);
  const ruleByUnit = new Map<UnitId, string>();
  const matchedByUnit = new Map<UnitId, string>();
  const residentByName = new Set<UnitId>();
  for (const unit of answeringUnits(
    graph,
    built.map(({ component }) => component),
  ))
    residentByName.add(unit);
  const lacking = new Map<string, readonly string[]>();
  const leftovers: { readonly index: number; readonly place: string; readonly matched: string }[] = [];
  built.forEach(({ component, rules }, index) => {
    const staying = unitsNamed(names, component.resident);
    for (const { rule, pattern, units } of rules) {
      const place = `${component.file}:${rule.line}`;
      const matched = `${rule.kind} ${pattern}`;
      if (rule.kind === "onlyCalledBy") {
        leftovers.push({ index, place, matched });
        continue;
      }
      if (units.length === 0 && !rule.isOptional && component.isShipped)
        lacking.set(component.name, [...(lacking.get(component.name) ?? []), pattern]);
      else if (units.length === 0 && !rule.isOptional)
        diagnostics.push(
          diagnose("manifest-no-match", {
            file: component.file,
            line: rule.line,
            kind: rule.kind.slice(0, -1),
            name: pattern,
            near: nearest(pattern, namesOf(names, rule.kind).keys()),
          }),
        );
      for (const unit of units) {
        if (roles[unit] !== "plain") continue;
        if (staying.has(unit)) residentByName.add(unit);
        if (residentByName.has(unit)) continue;
        const other = componentByUnit[unit]!;
        const earlier = ruleByUnit.get(unit);
        if (earlier !== undefined && other !== index)
          diagnostics.push(
            diagnose("manifest-claimed-twice", {
              unit: formatUnit(graph, unit),
              first: `${built[other]!.component.name} (${earlier})`,
              second: `${component.name} (${place})`,
              rules: [matchedByUnit.get(unit)!, matched],
            }),
          );
        if (earlier !== undefined) continue;
        componentByUnit[unit] = index;
        ruleByUnit.set(unit, place);
        matchedByUnit.set(unit, matched);
      }
    }
  });
  failIfAny(diagnostics);
  // Last, as what others claim is theirs.
  const initHelpers = new Set<UnitId>();
  for (const { index, place, matched } of leftovers)
    for (const unit of findInitHelpers((one) => componentByUnit[one]! >= 0 || residentByName.has(one))) {
      initHelpers.add(unit);
      componentByUnit[unit] = index;
      ruleByUnit.set(unit, place);
      matchedByUnit.set(unit, matched);
    }
  return {
    components: built.map(({ component }) => component),
    skipped: found.filter((one) => !isBuilt(one)).map(({ component }) => component),
    lacking,
    componentByUnit,
    ruleByUnit,
    matchedByUnit,
    initHelpers,
    residentByName,
  };
}

const namesOf = (names: Names, kind: CodeRule["kind"]) =>
  kind === "objects" ? names.unitsByObject : kind === "sections" ? names.unitsBySection : names.unitsBySymbol;

function unitsMatching(names: Names, rule: CodeRule, pattern: string): readonly UnitId[] {
  if (rule.kind === "onlyCalledBy") return [];
  if (rule.kind !== "objects" && isLiteral(pattern) && (rule.except ?? []).length === 0)
    return namesOf(names, rule.kind).get(pattern) ?? [];
  const matcher = rule.kind === "objects" ? pathMatcher : nameMatcher;
  const matches = matcher(pattern);
  const spared = (rule.except ?? []).map(matcher);
  const units: UnitId[] = [];
  for (const [name, some] of namesOf(names, rule.kind))
    if (matches(name) && !spared.some((spares) => spares(name))) units.push(...some);
  return units;
}

/** The units of functions that answer for others. Whether they can, is asked of the gates that come about. */
function answeringUnits(graph: Graph, components: readonly Component[]): UnitId[] {
  return components
    .flatMap(({ gates }) => gates)
    .flatMap(({ answer }) => (answer.kind === "function" ? [graph.globals.get(answer.function)] : []))
    .flatMap((symbol) =>
      symbol === undefined || graph.symbolUnit[symbol]! < 0 ? [] : [graph.symbolUnit[symbol]!],
    );
}

/** The units that hold a function or object of such a name. */
function unitsNamed(names: Names, patterns: readonly string[]): ReadonlySet<UnitId> {
  const found = new Set<UnitId>();
  const add = (units: readonly UnitId[] = []) => {
    for (const unit of units) found.add(unit);
  };
  for (const pattern of patterns) if (isLiteral(pattern)) add(names.unitsBySymbol.get(pattern));
  const matchers = patterns.filter((pattern) => !isLiteral(pattern)).map(nameMatcher);
  if (matchers.length > 0)
    for (const [name, units] of names.unitsBySymbol)
      if (matchers.some((matches) => matches(name))) add(units);
  return found;
}

function collectNames(graph: Graph, roles: readonly Role[], manifest: readonly Component[]): Names {
  const asked = new Set(manifest.flatMap(({ code }) => code.map(({ kind }) => kind)));
  if (manifest.some(({ resident }) => resident.length > 0)) asked.add("symbols");
  const unitsByObject = new Map<string, UnitId[]>();
  const unitsBySection = new Map<string, UnitId[]>();
  const unitsBySymbol = new Map<string, UnitId[]>();
  const add = (map: Map<string, UnitId[]>, name: string, unit: UnitId) => {
    const units = map.get(name);
    if (units === undefined) map.set(name, [unit]);
    else units.push(unit);
  };
  for (let unit = 0; unit < graph.unitCount; unit++) {
    add(unitsByObject, graph.objects[graph.unitObject[unit]!]!.file, unit);
    if (asked.has("sections")) add(unitsBySection, sectionOf(graph, unit).name, unit);
  }
  if (asked.has("symbols"))
    graph.objects.forEach((object, index) => {
      const base = graph.symbolBase[index]!;
      for (const symbol of symbolsOf(object)) {
        const unit = graph.symbolUnit[base + symbol]!;
        const type = object.symbols.type[symbol];
        if (unit < 0 || roles[unit] !== "plain") continue;
        if (type === symbolType.function || type === symbolType.object)
          add(unitsBySymbol, symbolName(object, symbol), unit);
      }
    });
  return { unitsByObject, unitsBySection, unitsBySymbol };
}
