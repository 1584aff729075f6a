// SPDX-License-Identifier: Apache-2.0
/**
 * The reference graph of one link.
 *
 * Vertices are units: the allocated sections of all objects, numbered in link order. Edges are the
 * relocations in them, in file order, so that the edges of a unit stand together. Every relocation is an
 * edge or a counted exclusion with its reason; `countReferences` adds them up.
 *
 * An edge leads to the section that defines its symbol, whatever the addend: compilers and hand-written
 * assembly form addresses outside the object that they mean (`array - 8`, one past an end), but mean no other one.
 */

import { fail } from "../diagnostics.js";
import { relaSize, sectionFlag, sectionType, specialIndex, symbolBinding } from "../elf/format.js";
import { countRelocations, type ElfObject, isLocal, symbolName, symbolsOf } from "../elf/object.js";
import { sum } from "../sum.js";
import { isRelative, relocationType, relocationWidth, useOfField } from "../x86/x86.js";

/** How a unit refers to another: calls or jumps to it, takes its address, reads or writes what is there. */
export const referenceKind = { branch: 0, address: 1, data: 2 } as const;
export type ReferenceKind = (typeof referenceKind)[keyof typeof referenceKind];

/** Why a relocation is not an edge. */
const exclusions = [
  "none",
  "absolute",
  "linker-defined",
  "weak-undefined",
  "common",
  "not-allocated",
  "left-out",
] as const;
const firstExclusion = 16;

export type UnitId = number;
export type EdgeId = number;

export interface Graph {
  readonly objects: readonly ElfObject[];
  readonly unitCount: number;
  readonly unitObject: Uint32Array;
  /** Index of the section in its object. */
  readonly unitSection: Uint32Array;
  /** Where the symbols of an object begin in the columns of symbols. */
  readonly symbolBase: Uint32Array;
  /** For each symbol of each object the one that defines it, in the same numbering; -1: none does. */
  readonly definition: Int32Array;
  /** For each symbol of each object the unit it is defined in; -1: none. */
  readonly symbolUnit: Int32Array;
  /** Names of global symbols to the symbols that define them. */
  readonly globals: ReadonlyMap<string, number>;
  /** Edges of unit u: firstEdge[u] up to firstEdge[u + 1]. */
  readonly firstEdge: Uint32Array;
  /** The unit an edge leads to; -1 where the relocation is excluded. */
  readonly edgeTo: Int32Array;
  /** A `ReferenceKind`, or 16 plus the index of an exclusion. */
  readonly edgeKind: Uint8Array;
  /** Place of the relocation entry in the bytes of the object of the edge's unit. */
  readonly edgeAt: Uint32Array;
}

export function buildGraph(objects: readonly ElfObject[]): Graph {
  const units = numberUnits(objects);
  const symbols = resolveSymbols(objects, units);
  return { objects, ...units, ...symbols, ...collectEdges(objects, units, symbols) };
}

/** Where a section is in `unitBySection` that is no unit: it takes no memory, or is left out of the link. */
const noUnit = -1;
const leftOut = -2;

/**
 * The linker takes the first of COMDAT groups with the same signature; sections of the others are left out, and
 * whoever refers to their symbols gets those of the first.
 */
function findLeftOut(objects: readonly ElfObject[]): ReadonlyMap<ElfObject, ReadonlySet<number>> {
  const signatures = new Set<string>();
  const found = new Map<ElfObject, Set<number>>();
  for (const object of objects)
    for (const { isComdat, signature, members } of object.groups) {
      if (!isComdat) continue;
      const name = symbolName(object, signature);
      if (!signatures.has(name)) signatures.add(name);
      else {
        const sections = found.get(object) ?? new Set<number>();
        found.set(object, sections);
        for (const member of members) sections.add(member);
      }
    }
  return found;
}

function numberUnits(objects: readonly ElfObject[]) {
  const isUnit = (flags: number) => (flags & sectionFlag.alloc) !== 0;
  const leftOutOf = findLeftOut(objects);
  let unitCount = 0;
  for (const object of objects)
    object.sections.forEach(({ flags }, section) => {
      if (isUnit(flags) && !leftOutOf.get(object)?.has(section)) unitCount++;
    });
  const unitObject = new Uint32Array(unitCount);
  const unitSection = new Uint32Array(unitCount);
  const unitBySection: Int32Array[] = [];
  let unit = 0;
  objects.forEach((one, object) => {
    const { sections } = one;
    const without = leftOutOf.get(one);
    const bySection = new Int32Array(sections.length).fill(noUnit);
    sections.forEach(({ flags }, section) => {
      if (without?.has(section)) bySection[section] = leftOut;
      else if (!isUnit(flags)) return;
      else {
        unitObject[unit] = object;
        unitSection[unit] = section;
        bySection[section] = unit++;
      }
    });
    unitBySection.push(bySection);
  });
  return { unitCount, unitObject, unitSection, unitBySection };
}

/** As the linker does: a strong definition beats weak ones, of which the first counts. */
function resolveSymbols(objects: readonly ElfObject[], { unitBySection }: ReturnType<typeof numberUnits>) {
  const symbolBase = new Uint32Array(objects.length);
  let total = 0;
  objects.forEach(({ symbols }, object) => {
    symbolBase[object] = total;
    total += symbols.count;
  });
  // First the number of its name for each global symbol, then in its place the symbol that defines that name.
  const definition = new Int32Array(total).fill(-1);
  const symbolUnit = new Int32Array(total).fill(-1);
  const numbers = new Map<string, number>();
  const defining: number[] = [];
  const isStrong: boolean[] = [];
  objects.forEach((object, index) => {
    const { symbols } = object;
    const bySection = unitBySection[index]!;
    const base = symbolBase[index]!;
    for (const symbol of symbolsOf(object)) {
      const isSpecial = symbols.isSpecial[symbol] === 1;
      const holder = isSpecial ? noUnit : bySection[symbols.sectionIndex[symbol]!]!;
      const isDefined = isSpecial || (symbols.sectionIndex[symbol] !== 0 && holder !== leftOut);
      if (isDefined) symbolUnit[base + symbol] = holder;
      if (isLocal(symbols, symbol)) {
        if (holder !== leftOut) definition[base + symbol] = base + symbol;
        continue;
      }
      const name = symbolName(object, symbol);
      let number = numbers.get(name);
      if (number === undefined) {
        number = defining.push(-1) - 1;
        isStrong.push(false);
        numbers.set(name, number);
      }
      definition[base + symbol] = number;
      if (!isDefined) continue;
      const strong =
        symbols.binding[symbol] === symbolBinding.global &&
        symbols.sectionIndex[symbol] !== specialIndex.common;
      if (strong ? !isStrong[number] : defining[number]! < 0) defining[number] = base + symbol;
      if (strong) isStrong[number] = true;
    }
  });
  objects.forEach((object, index) => {
    const base = symbolBase[index]!;
    for (const symbol of symbolsOf(object))
      if (!isLocal(object.symbols, symbol)) definition[base + symbol] = defining[definition[base + symbol]!]!;
  });
  // The same map, as it is the largest there is.
  const globals = numbers;
  for (const [name, number] of numbers)
    if (defining[number]! < 0) numbers.delete(name);
    else numbers.set(name, defining[number]!);
  return { symbolBase, definition, symbolUnit, globals };
}

function collectEdges(
  objects: readonly ElfObject[],
  { unitCount, unitBySection }: ReturnType<typeof numberUnits>,
  { symbolBase, definition, symbolUnit }: ReturnType<typeof resolveSymbols>,
) {
  const relocated = objects.map((object, number) => {
    const sections = object.sections.flatMap((section, index) =>
      section.type === sectionType.rela && (unitBySection[number]![section.info] ?? noUnit) >= 0
        ? [{ index, target: section.info, count: countRelocations(object, section) }]
        : [],
    );
    return sections.sort((a, b) => a.target - b.target);
  });
  const total = sum(relocated.flat().map(({ count }) => count));
  const firstEdge = new Uint32Array(unitCount + 1);
  const edgeTo = new Int32Array(total);
  const edgeKind = new Uint8Array(total);
  const edgeAt = new Uint32Array(total);

  let edge = 0;
  let nextUnit = 0;
  objects.forEach((object, index) => {
    const { symbols, view, sections } = object;
    const base = symbolBase[index]!;
    for (const { index: rela, target, count } of relocated[index]!) {
      const unit = unitBySection[index]![target]!;
      while (nextUnit <= unit) firstEdge[nextUnit++] = edge;
      // Read once: a section reads its header whenever it is asked.
      const { offset: holder, size, flags, type: holderType } = sections[target]!;
      const isCode = (flags & sectionFlag.execute) !== 0;
      const room = holderType === sectionType.nobits ? -1 : size;
      const start = sections[rela]!.offset;
      for (let entry = 0; entry < count; entry++, edge++) {
        const at = start + entry * relaSize;
        const type = view.getUint32(at + 8, true);
        const symbol = view.getUint32(at + 12, true);
        const offset = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000;
        const width = relocationWidth.get(type);
        if (symbol >= symbols.count || width === undefined || offset + width > room)
          failRelocation(object, rela, entry, type, symbol, offset);
        edgeAt[edge] = at;
        const defining = definition[base + symbol]!;
        const to = defining < 0 ? -1 : symbolUnit[defining]!;
        edgeTo[edge] = to;
        if (to < 0 || type === relocationType.none) {
          edgeTo[edge] = -1;
          edgeKind[edge] = firstExclusion + exclusionOf(type, symbol, symbols, defining);
        } else edgeKind[edge] = referenceKind[useOfField(type, isCode, object.bytes, holder + offset)];
      }
    }
  });
  while (nextUnit <= unitCount) firstEdge[nextUnit++] = edge;
  return { firstEdge, edgeTo, edgeKind, edgeAt };
}

function failRelocation(
  object: ElfObject,
  rela: number,
  entry: number,
  type: number,
  symbol: number,
  offset: number,
): never {
  const { file, sections, symbols } = object;
  const target = sections[sections[rela]!.info]!;
  if (symbol >= symbols.count)
    fail("elf-malformed", {
      file,
      section: sections[rela]!.name,
      offset: entry * relaSize,
      what: `symbol ${symbol} does not exist`,
    });
  if (!relocationWidth.has(type))
    fail("relocation-unknown", {
      file,
      section: target.name,
      offset,
      type,
      symbol: symbolName(object, symbol),
    });
  return fail("elf-malformed", {
    file,
    section: target.name,
    offset,
    what: "a relocation lies outside the section",
  });
}

function exclusionOf(type: number, symbol: number, symbols: ElfObject["symbols"], defining: number): number {
  if (type === relocationType.none || symbol === 0) return 0;
  if (defining >= 0) {
    if (symbols.isSpecial[symbol] === 1) return symbols.sectionIndex[symbol] === specialIndex.common ? 4 : 1;
    return symbols.sectionIndex[symbol] === 0 ? 1 : 5;
  }
  if (symbols.binding[symbol] === symbolBinding.local) return 6;
  return symbols.binding[symbol] === symbolBinding.weak ? 3 : 2;
}

/** Relocations by what became of them; the values add up to the number of relocations. */
export function countReferences(graph: Graph): Record<string, number> {
  const names = Object.keys(referenceKind);
  const counts = new Uint32Array(firstExclusion + exclusions.length);
  for (const kind of graph.edgeKind) counts[kind]!++;
  return Object.fromEntries(
    [...counts].flatMap((count, kind) =>
      count === 0 ? [] : [[names[kind] ?? exclusions[kind - firstExclusion]!, count]],
    ),
  );
}

/** Edges by the unit they lead to: those of unit u are edges[first[u]] up to edges[first[u + 1]]. */
export interface IncomingEdges {
  readonly first: Uint32Array;
  readonly edges: Uint32Array;
}

/** A counting sort: one pass to count, one to place. */
export function indexIncoming(graph: Graph): IncomingEdges {
  const { edgeTo, unitCount } = graph;
  const first = new Uint32Array(unitCount + 1);
  for (const to of edgeTo) if (to >= 0) first[to + 1]!++;
  for (let unit = 0; unit < unitCount; unit++) first[unit + 1]! += first[unit]!;
  const next = first.slice();
  const edges = new Uint32Array(first[unitCount]!);
  for (let edge = 0; edge < edgeTo.length; edge++) {
    const to = edgeTo[edge]!;
    if (to >= 0) edges[next[to]!++] = edge;
  }
  return { first, edges };
}

export function* edgesInto({ first, edges }: IncomingEdges, unit: UnitId): Generator<EdgeId> {
  for (let index = first[unit]!; index < first[unit + 1]!; index++) yield edges[index]!;
}

/** The unit an edge belongs to: the greatest u with firstEdge[u] <= edge and edges of its own. */
export function sourceOf(graph: Graph, edge: EdgeId): UnitId {
  const { firstEdge } = graph;
  let low = 0;
  let high = graph.unitCount;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (firstEdge[middle]! <= edge) low = middle;
    else high = middle;
  }
  return low;
}

/** Everything there is to know of a reference, decoded from its relocation. */
export interface Reference {
  readonly from: UnitId;
  readonly to: UnitId;
  readonly kind: ReferenceKind;
  readonly type: number;
  /** Offset of the field in the unit that refers. */
  readonly offset: number;
  /** Number of the symbol it names, in the numbering of its object. */
  readonly symbol: number;
  readonly addend: number;
  /** Offset in the unit it leads to. The meaning of a field depends on where its instruction ends: unless this is
   * a branch or a `lea`, the offset is right only to within the width of an immediate operand. */
  readonly targetOffset: number;
}

export function describeEdge(graph: Graph, edge: EdgeId): Reference {
  const from = sourceOf(graph, edge);
  const object = graph.objects[graph.unitObject[from]!]!;
  const at = graph.edgeAt[edge]!;
  const { view } = object;
  const type = view.getUint32(at + 8, true);
  const symbol = view.getUint32(at + 12, true);
  const addend = Number(view.getBigInt64(at + 16, true));
  const isCode = (object.sections[graph.unitSection[from]!]!.flags & sectionFlag.execute) !== 0;
  const isRelativeCode = isCode && isRelative(type);
  const defining = graph.definition[graph.symbolBase[graph.unitObject[from]!]! + symbol]!;
  const value = defining < 0 ? 0 : symbolValue(graph, defining);
  return {
    from,
    to: graph.edgeTo[edge]!,
    kind: graph.edgeKind[edge]! as ReferenceKind,
    type,
    offset: view.getUint32(at, true),
    symbol,
    addend,
    targetOffset: value + addend + (isRelativeCode ? 4 : 0),
  };
}

/** The object that holds a symbol of the global numbering, and its number there. */
export function locateSymbol(graph: Graph, symbol: number): { object: number; symbol: number } {
  const { symbolBase } = graph;
  let low = 0;
  let high = symbolBase.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (symbolBase[middle]! <= symbol) low = middle;
    else high = middle;
  }
  // Objects without symbols share their base with the next one: the last of them is it.
  return { object: low, symbol: symbol - symbolBase[low]! };
}

function symbolValue(graph: Graph, global: number): number {
  const { object, symbol } = locateSymbol(graph, global);
  return graph.objects[object]!.symbols.value[symbol]!;
}

export const sectionOf = (graph: Graph, unit: UnitId) =>
  graph.objects[graph.unitObject[unit]!]!.sections[graph.unitSection[unit]!]!;

export const objectOf = (graph: Graph, unit: UnitId) => graph.objects[graph.unitObject[unit]!]!;

/** `drivers/iommu/amd/init.o:(.text.foo)`. */
export const formatUnit = (graph: Graph, unit: UnitId) =>
  `${objectOf(graph, unit).file}:(${sectionOf(graph, unit).name})`;
