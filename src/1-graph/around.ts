// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the function or object that contains a reference. A unit with a section of its own has its name in the section's; init code
 * and data share one section per object, in which only the extents of symbols distinguish them.
 */
import { symbolType } from "../elf/format.js";
import { symbolName, symbolsOf } from "../elf/object.js";
import type { Graph, UnitId } from "./graph.js";

export interface Extent {
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
  readonly name: string;
}

/** Functions and objects of a unit, in the order of its object's symbols. A symbol without a size holds nothing. */
export function extentsIn(graph: Graph, unit: UnitId): readonly Extent[] {
  const index = graph.unitObject[unit]!;
  const object = graph.objects[index]!;
  const base = graph.symbolBase[index]!;
  const { symbols } = object;
  const found: Extent[] = [];
  for (const symbol of symbolsOf(object)) {
    if (graph.symbolUnit[base + symbol] !== unit || symbols.size[symbol] === 0) continue;
    // A weak one that lost has a name that means another.
    if (graph.definition[base + symbol] !== base + symbol) continue;
    const type = symbols.type[symbol];
    if (type !== symbolType.function && type !== symbolType.object) continue;
    const start = symbols.value[symbol]!;
    found.push({ start, end: start + symbols.size[symbol]!, name: symbolName(object, symbol) });
  }
  return found;
}

/** All names of what a place lies in; none where no symbol covers it. */
export const namesAround = (extents: readonly Extent[], offset: number): readonly string[] =>
  extents.filter(({ start, end }) => start <= offset && offset < end).map(({ name }) => name);
