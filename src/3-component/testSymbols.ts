// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the variables and functions that `inUse` tests. They may be static: then the component's own
 * objects are searched first, and a name that several other objects have is ambiguous. If a component that ships
 * with Jettison tests a symbol that this build lacks, this is no mistake: whether it is in use cannot be known, so it stays.
 */

import { type Graph, locateSymbol, sectionOf } from "../1-graph/graph.js";
import { roleOf } from "../2-catalogue/sections.js";
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";
import { sectionFlag, symbolType } from "../elf/format.js";
import { symbolName, symbolsOf } from "../elf/object.js";
import type { Claims } from "./claim.js";
import type { Component, InUse, InUseTest } from "./component.js";
import { nearest } from "./nearest.js";

interface Asked {
  readonly component: number;
  readonly symbol: string;
  readonly line: number;
  /** The kernel's use of it; `address`: a value is compared with it. */
  readonly op: InUseTest["op"] | "address";
  /** The value that it is compared with. */
  readonly value?: number;
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
    symbolsIn(component.inUse).map((one): Asked => ({ component: index, ...one })),
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
    const fault = chosen === undefined ? undefined : faultOf(graph, chosen, one);
    if (chosen !== undefined && fault === undefined) symbols.set(testKey(one.component, one.symbol), chosen);
    else if (component.isShipped)
      untestable.set(component, [...(untestable.get(component) ?? []), one.symbol]);
    else if (fault !== undefined)
      diagnostics.push(
        diagnose("manifest-symbol", {
          ...{ file: component.file, line: one.line, symbol: one.symbol, what: fault, near: [] },
        }),
      );
    else diagnostics.push(reportMissing(graph, component, one, candidates.length));
  }
  failIfAny(diagnostics);
  return { symbols, untestable };
}

/**
 * Why the kernel cannot ask a symbol this (`holds()` in runtime/linux/kernel/jettison/in_use.c): it reads as many bytes as
 * the symbol has, a pointer, or a `struct list_head`, or calls it. A test that reads something else might never come true,
 * and the component would be freed while it is in use.
 */
function faultOf(graph: Graph, defined: number, { op, value }: Asked): string | undefined {
  const unit = graph.symbolUnit[defined]!;
  if (unit < 0) return "lies in no section of the kernel";
  const { object, symbol } = locateSymbol(graph, defined);
  const { symbols } = graph.objects[object]!;
  const section = sectionOf(graph, unit);
  const size = symbols.size[symbol]!;
  const isFunction = symbols.type[symbol] === symbolType.function;
  if (section.name.startsWith(".data..percpu")) return "is a per-CPU variable, of which there are many";
  if (roleOf(section) === "discarded") return "leaves no bytes in the kernel";
  if (op === "address") return undefined;
  if (op === "calls")
    return isFunction && section.flags & sectionFlag.execute ? undefined : "is no function to call";
  if (isFunction || section.flags & sectionFlag.execute) return "is a function, and no variable";
  if (size === 0) return "has no size, so there is nothing to ask it";
  if (op === "pointerSet" && size !== 8) return `has ${size} bytes, and a pointer has 8`;
  if (op === "listNotEmpty" && size !== 16) return `has ${size} bytes, and a list head has 16`;
  if (op !== "equals") return undefined;
  if (![1, 2, 4, 8].includes(size)) return `has ${size} bytes, and only 1, 2, 4 or 8 can be compared`;
  if (value === undefined) return size === 8 ? undefined : `has ${size} bytes, and an address has 8`;
  const fits = value >= -(2 ** (8 * size - 1)) && value < 2 ** (8 * size);
  return fits ? undefined : `has ${size} bytes, into which ${value} does not fit`;
}

function symbolsIn(test: InUse): Omit<Asked, "component">[] {
  if (!("symbol" in test)) {
    if (!("of" in test)) return [];
    return Array.isArray(test.of) ? test.of.flatMap(symbolsIn) : symbolsIn(test.of as InUse);
  }
  const { symbol, line, op } = test;
  if (op !== "equals") return [{ symbol, line, op }];
  return typeof test.value === "object"
    ? [
        { symbol, line, op },
        { symbol: test.value.symbol, line, op: "address" },
      ]
    : [{ symbol, line, op, value: test.value }];
}

function findLocals(graph: Graph, wanted: ReadonlySet<string>): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  graph.objects.forEach((object, index) => {
    const { symbols } = object;
    for (const symbol of symbolsOf(object)) {
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
