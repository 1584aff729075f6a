// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the variables and functions that `inUse` tests ask about. They may be static: then the component's own
 * objects are looked through first, and a name that several other objects have says nothing. A component that ships
 * with Jettison and asks about what this build lacks is no mistake: nobody can tell whether it is in use, so it stays.
 */
import type { Claims } from "../component/claim.js";
import type { Component, InUse } from "../component/component.js";
import { nearest } from "../component/nearest.js";
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";
import { symbolType } from "../elf/format.js";
import { symbolName } from "../elf/object.js";
import { type Graph, locateSymbol } from "../graph/graph.js";

interface Asked {
  readonly component: number;
  readonly symbol: string;
  readonly line: number;
}

/** Symbols of the graph by component and name: `3 amd_iommu_list`. */
export type TestSymbols = ReadonlyMap<string, number>;

export const testKey = (component: number, symbol: string) => `${component} ${symbol}`;

export interface ResolvedTests {
  readonly symbols: TestSymbols;
  /** Components that ship and whose tests this build cannot resolve, each with the symbols that are missing. */
  readonly untestable: ReadonlyMap<Component, readonly string[]>;
}

export function resolveTests(graph: Graph, claims: Claims): ResolvedTests {
  const { components } = claims;
  const asked = components.flatMap((component, index) =>
    symbolsIn(component.inUse).map(({ symbol, line }): Asked => ({ component: index, symbol, line })),
  );
  const locals = findLocals(graph, new Set(asked.map(({ symbol }) => symbol)));
  const ownObjects = components.map(() => new Set<number>());
  claims.componentByUnit.forEach((component, unit) => {
    if (component >= 0) ownObjects[component]!.add(graph.unitObject[unit]!);
  });
  const symbols = new Map<string, number>();
  const untestable = new Map<Component, readonly string[]>();
  const diagnostics: Diagnostic[] = [];
  for (const one of asked) {
    const component = components[one.component]!;
    const candidates = locals.get(one.symbol) ?? [];
    const own = candidates.filter((symbol) =>
      ownObjects[one.component]!.has(locateSymbol(graph, symbol).object),
    );
    const chosen =
      own.length === 1
        ? own[0]
        : (graph.globals.get(one.symbol) ?? (candidates.length === 1 ? candidates[0] : undefined));
    if (chosen !== undefined) symbols.set(testKey(one.component, one.symbol), chosen);
    else if (component.isShipped)
      untestable.set(component, [...(untestable.get(component) ?? []), one.symbol]);
    else diagnostics.push(reportMissing(graph, component, one, candidates.length));
  }
  failIfAny(diagnostics);
  return { symbols, untestable };
}

function symbolsIn(test: InUse): { symbol: string; line: number }[] {
  if (!("symbol" in test)) {
    if (!("of" in test)) return [];
    return Array.isArray(test.of) ? test.of.flatMap(symbolsIn) : symbolsIn(test.of as InUse);
  }
  const own = [{ symbol: test.symbol, line: test.line }];
  return test.op === "equals" && typeof test.value === "object"
    ? [...own, { symbol: test.value.symbol, line: test.line }]
    : own;
}

function findLocals(graph: Graph, wanted: ReadonlySet<string>): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  graph.objects.forEach((object, index) => {
    const { symbols } = object;
    for (let symbol = 1; symbol < symbols.count; symbol++) {
      const type = symbols.type[symbol];
      if (symbols.binding[symbol] !== 0 || (type !== symbolType.object && type !== symbolType.function))
        continue;
      const name = symbolName(object, symbol);
      if (!wanted.has(name)) continue;
      const known = found.get(name) ?? [];
      found.set(name, known);
      known.push(graph.symbolBase[index]! + symbol);
    }
  });
  return found;
}

function reportMissing(
  graph: Graph,
  component: Component,
  { symbol, line }: Asked,
  count: number,
): Diagnostic {
  return diagnose("manifest-symbol", {
    file: component.file,
    line,
    symbol,
    what: count > 1 ? `is static in ${count} objects, none of them the component's` : "is not in this build",
    near: count > 1 ? [] : nearest(symbol, graph.globals.keys()),
  });
}
