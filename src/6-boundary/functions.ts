// SPDX-License-Identifier: Apache-2.0

import { type Graph, objectOf, sectionOf, type UnitId } from "../1-graph/graph.js";
import { symbolBinding, symbolType } from "../elf/format.js";
import { type ElfObject, symbolName, symbolsOf } from "../elf/object.js";

export interface FunctionSymbol {
  readonly name: string;
  /** Index in the symbol table of its object. */
  readonly symbol: number;
  readonly isGlobal: boolean;
  readonly size: number;
}

export interface FunctionFinder {
  /** The function that starts at an offset of a unit; of several names the one that a person would use. */
  at(unit: UnitId, offset: number): FunctionSymbol | undefined;
}

/** Functions by unit and offset, for the units that are marked. One pass over all symbols. */
export function findFunctions(graph: Graph, isWanted: (unit: UnitId) => boolean): FunctionFinder {
  const byUnit = new Map<UnitId, Map<number, FunctionSymbol>>();
  graph.objects.forEach((object, index) => {
    const base = graph.symbolBase[index]!;
    for (const symbol of symbolsOf(object)) {
      const unit = graph.symbolUnit[base + symbol]!;
      if (unit < 0 || object.symbols.type[symbol] !== symbolType.function || !isWanted(unit)) continue;
      // A weak function that lost to a strong one has a name that means the other.
      if (graph.definition[base + symbol] !== base + symbol) continue;
      const functions = byUnit.get(unit) ?? new Map<number, FunctionSymbol>();
      byUnit.set(unit, functions);
      const offset = object.symbols.value[symbol]!;
      const found = describe(object, symbol);
      const known = functions.get(offset);
      if (known === undefined || isPreferred(found, known)) functions.set(offset, found);
    }
  });
  return {
    at: (unit, offset) => byUnit.get(unit)?.get(offset),
  };
}

function describe(object: ElfObject, symbol: number): FunctionSymbol {
  const isGlobal = object.symbols.binding[symbol] !== symbolBinding.local;
  return { name: symbolName(object, symbol), symbol, isGlobal, size: object.symbols.size[symbol]! };
}

/** Global before local, then fewer leading underscores, then by name. */
function isPreferred(a: FunctionSymbol, b: FunctionSymbol): boolean {
  if (a.isGlobal !== b.isGlobal) return a.isGlobal;
  const [x, y] = [a, b].map(({ name }) => name.length - name.replace(/^_+/, "").length) as [number, number];
  return x === y ? a.name < b.name : x < y;
}

/**
 * Whether a unit's code was written in assembly, and so may call and be called by rules of its own: it lies in
 * an object without a C source, or it is what a top-level `asm()` put into a C object's `.text` where the
 * compiler gave each function a section.
 */
export function findAssembly(graph: Graph): (unit: UnitId) => boolean {
  const originByObject = new Map<number, { hasSource: boolean; isSplit: boolean }>();
  return (unit) => {
    const index = graph.unitObject[unit]!;
    const origin = originByObject.get(index) ?? originOf(objectOf(graph, unit));
    originByObject.set(index, origin);
    return !origin.hasSource || (origin.isSplit && sectionOf(graph, unit).name === ".text");
  };
}

function originOf(object: ElfObject) {
  const { symbols, sections } = object;
  const hasSource = symbolsOf(object).some(
    (symbol) => symbols.type[symbol] === symbolType.file && symbolName(object, symbol).endsWith(".c"),
  );
  return { hasSource, isSplit: sections.some(({ name }) => name.startsWith(".text.")) };
}
