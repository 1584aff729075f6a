// SPDX-License-Identifier: Apache-2.0
/**
 * The functions of a built-in module that the kernel calls by itself, and what the module's code reaches from there.
 *
 * Initcalls and exit functions are listed in tables (`.initcall6.init`, `.exitcall.exit`); the final link discards the
 * second table. From such a function calls are followed as long as they stay inside the module. A function whose address is taken is
 * not followed, because it runs only if something outside calls it.
 */

import {
  describeEdge,
  type EdgeId,
  type Graph,
  locateSymbol,
  referenceKind,
  sectionOf,
  type UnitId,
} from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";
import { sectionFlag, symbolType } from "../elf/format.js";
import { lastIndex } from "../elf/lastIndex.js";
import { symbolName, symbolsOf } from "../elf/object.js";
import { callsIndirectly } from "../x86/x86.js";

/** A function, as the part of a unit that it takes. */
export interface CodePart {
  readonly unit: UnitId;
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** Its symbol, in the numbering of the graph. */
  readonly symbol: number;
}

export interface Hooks {
  readonly initcalls: readonly CodePart[];
  readonly exitcalls: readonly CodePart[];
  /** Sections by which the kernel calls it in other ways while booting: `.con_initcall.init`, `.init.setup`. */
  readonly others: readonly string[];
}

/** The names outside of its module that code reaches. */
export interface Reach {
  /** Functions that it calls or whose address it takes, by their names; the first reference to each. */
  readonly functions: ReadonlyMap<string, EdgeId>;
  /** How many references there are to each of these. */
  readonly counts: ReadonlyMap<string, number>;
  /** Data that it refers to. */
  readonly data: ReadonlyMap<string, EdgeId>;
  /** Functions of its own that call through a pointer, or that cannot be decoded: whom they call is unknown. */
  readonly indirect: readonly string[];
}

/** Asked of one module: its units, and its functions by the unit that they lie in. */
export interface ModuleCode {
  readonly units: ReadonlySet<UnitId>;
  readonly parts: ReadonlyMap<UnitId, readonly CodePart[]>;
}

/** `unitsByObject`: of the graph. */
export function collectCode(
  graph: Graph,
  unitsByObject: readonly (readonly UnitId[])[],
  objects: readonly number[],
): ModuleCode {
  const units = new Set(objects.flatMap((object) => unitsByObject[object]!));
  const parts = new Map<UnitId, CodePart[]>();
  for (const index of objects) {
    const object = graph.objects[index]!;
    const base = graph.symbolBase[index]!;
    for (const symbol of symbolsOf(object)) {
      const unit = graph.symbolUnit[base + symbol]!;
      if (unit < 0 || object.symbols.type[symbol] !== symbolType.function) continue;
      const start = object.symbols.value[symbol]!;
      const end = start + object.symbols.size[symbol]!;
      const known = parts.get(unit) ?? [];
      parts.set(unit, known);
      known.push({ unit, start, end, name: symbolName(object, symbol), symbol: base + symbol });
    }
  }
  return { units, parts };
}

/** The function that holds an offset of a unit. */
const partAt = ({ parts }: ModuleCode, unit: UnitId, offset: number) =>
  parts.get(unit)?.find(({ start, end }) => start <= offset && (offset < end || offset === start));

export function findHooks(graph: Graph, roles: readonly Role[], code: ModuleCode): Hooks {
  const initcalls: CodePart[] = [];
  const exitcalls: CodePart[] = [];
  const others = new Set<string>();
  for (const unit of code.units) {
    const { name, size } = sectionOf(graph, unit);
    const isExit = name === ".exitcall.exit";
    const isInit = /^\.initcall.*\.init$/.test(name);
    if (size === 0) continue;
    if (!isExit && !isInit) {
      if (roles[unit] === "init" && !noHooks.test(name) && refersTo(graph, unit, code.units))
        others.add(name);
      continue;
    }
    for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++) {
      const { to, targetOffset } = describeEdge(graph, edge);
      const part = to < 0 ? undefined : partAt(code, to, targetOffset);
      if (part === undefined) others.add(name);
      else (isExit ? exitcalls : initcalls).push(part);
    }
  }
  return { initcalls, exitcalls, others: [...others].sort() };
}

/** Sections that are freed after boot and by which nothing is found. Any other may be a table of functions to call. */
const noHooks = /^\.?(init|exit)\.(text|data|rodata)|^___kentry/;

function refersTo(graph: Graph, unit: UnitId, units: ReadonlySet<UnitId>): boolean {
  for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++)
    if (units.has(graph.edgeTo[edge]!)) return true;
  return false;
}

/** An edge, and the offset in its unit at which it stands. */
interface PlacedEdge {
  readonly start: number;
  readonly edge: EdgeId;
}

/** The edges of a unit by their offsets: relocations need not be in that order. */
function placeEdges(graph: Graph, unit: UnitId): readonly PlacedEdge[] {
  const placed: PlacedEdge[] = [];
  for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++)
    placed.push({ start: describeEdge(graph, edge).offset, edge });
  return placed.sort((a, b) => a.start - b.start);
}

/** Follows the code of a module from one of its functions. */
export function collectReach(graph: Graph, code: ModuleCode, from: CodePart): Reach {
  const functions = new Map<string, EdgeId>();
  const counts = new Map<string, number>();
  const data = new Map<string, EdgeId>();
  const indirect: string[] = [];
  const seen = new Set<CodePart>([from]);
  const stack = [from];
  const look = (edge: EdgeId, caller: string) => {
    const to = graph.edgeTo[edge]!;
    if (to < 0) return;
    if (!code.units.has(to)) {
      const name = nameOfTarget(graph, edge);
      const isCode = (sectionOf(graph, to).flags & sectionFlag.execute) !== 0;
      const found = isCode ? functions : data;
      if (isCode) counts.set(name, (counts.get(name) ?? 0) + 1);
      if (!found.has(name)) found.set(name, edge);
      return;
    }
    if (graph.edgeKind[edge] !== referenceKind.branch) return;
    const part = partAt(code, to, describeEdge(graph, edge).targetOffset);
    if (part === undefined) indirect.push(caller);
    if (part === undefined || seen.has(part)) return;
    seen.add(part);
    stack.push(part);
  };
  const placed = new Map<UnitId, readonly PlacedEdge[]>();
  for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
    const { unit, start, end, name } = part;
    if (start === end || callsIndirectly(codeOf(graph, part))) indirect.push(name);
    const edges = placed.get(unit) ?? placeEdges(graph, unit);
    placed.set(unit, edges);
    for (let index = lastIndex(edges, start - 1) + 1; index < edges.length; index++) {
      const { start: offset, edge } = edges[index]!;
      if (offset >= end) break;
      look(edge, name);
    }
  }
  return { functions, counts, data, indirect };
}

function codeOf(graph: Graph, { unit, start, end }: CodePart): Uint8Array {
  const { offset } = sectionOf(graph, unit);
  return graph.objects[graph.unitObject[unit]!]!.bytes.subarray(offset + start, offset + end);
}

/** The symbol that a reference means; the section where it names none. */
function nameOfTarget(graph: Graph, edge: EdgeId): string {
  const { from, symbol, to } = describeEdge(graph, edge);
  const object = graph.objects[graph.unitObject[from]!]!;
  const name = symbolName(object, symbol);
  if (name !== "") return name;
  const defining = graph.definition[graph.symbolBase[graph.unitObject[from]!]! + symbol]!;
  if (defining < 0) return sectionOf(graph, to).name;
  const { object: holder, symbol: index } = locateSymbol(graph, defining);
  return symbolName(graph.objects[holder]!, index) || sectionOf(graph, to).name;
}
