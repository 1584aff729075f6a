// SPDX-License-Identifier: Apache-2.0
/**
 * Functions that only init code calls. They are not init code themselves, so the kernel keeps them, although nothing can call them
 * once init code is gone.
 *
 * Vertices are units, edges are references. A function is such a helper if something refers to it, and every reference
 * is a direct call or jump by init code or by another helper:
 *
 *     (.init.text) ──call──▶ parse ──call──▶ skip_blanks        both are
 *     (.init.text) ──address─▶ print ◀──call── parse            print is none: the address may have been kept
 *
 * Guaranteed: only init code, helpers, and tables that only describe code refer to a helper. Not taken: units that
 * manifests claim, units that refer to those (they would need gates), code that the compiler has not given a section of its own
 * (assembly may run on into the code that follows), and functions that BPF programs may call by name.
 */

import { type Graph, referenceKind, sectionOf, type UnitId } from "../1-graph/graph.js";
import { keepsNothing } from "../2-catalogue/keeping.js";
import type { Role } from "../2-catalogue/sections.js";
import { hasNamePrefix, symbolName, symbolsOf } from "../elf/object.js";

/** Examines each edge at most twice: when its unit counts as a helper, and when it turns out not to be one. */
export function findInitHelpers(
  graph: Graph,
  roles: readonly Role[],
  isTaken: (unit: UnitId) => boolean,
): readonly UnitId[] {
  const isNamed = namedForBpf(graph);
  const helpers = reachedFromInit(graph, roles, (unit) => {
    if (roles[unit] !== "plain" || !sectionOf(graph, unit).name.startsWith(".text.")) return false;
    return !isTaken(unit) && !isNamed.has(unit) && !refersTo(graph, unit, isTaken);
  });
  // A unit that is not a helper excludes all units to which it refers, so the others are still reached.
  const lost: UnitId[] = [];
  const judge = (from: UnitId) => {
    const isOver = roles[from] === "init" || helpers.has(from);
    for (let edge = graph.firstEdge[from]!; edge < graph.firstEdge[from + 1]!; edge++) {
      if (isOver && graph.edgeKind[edge] === referenceKind.branch) continue;
      const to = graph.edgeTo[edge]!;
      if (helpers.delete(to)) lost.push(to);
    }
  };
  for (let unit = 0; unit < graph.unitCount; unit++) if (!keepsNothing.has(roles[unit]!)) judge(unit);
  for (let unit = lost.pop(); unit !== undefined; unit = lost.pop()) judge(unit);
  return [...helpers].sort((a, b) => a - b);
}

function refersTo(graph: Graph, unit: UnitId, isMeant: (unit: UnitId) => boolean): boolean {
  for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++)
    if (graph.edgeTo[edge]! >= 0 && isMeant(graph.edgeTo[edge]!)) return true;
  return false;
}

/** Functions that calls from init code lead to, by way of candidates. Those that only call each other are not found. */
function reachedFromInit(
  graph: Graph,
  roles: readonly Role[],
  mayBe: (unit: UnitId) => boolean,
): Set<UnitId> {
  const reached = new Set<UnitId>();
  const isAsked = new Uint8Array(graph.unitCount);
  const stack: UnitId[] = [];
  const follow = (unit: UnitId) => {
    for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++) {
      const to = graph.edgeTo[edge]!;
      if (to < 0 || isAsked[to] || graph.edgeKind[edge] !== referenceKind.branch) continue;
      isAsked[to] = 1;
      if (!mayBe(to)) continue;
      reached.add(to);
      stack.push(to);
    }
  };
  for (let unit = 0; unit < graph.unitCount; unit++) if (roles[unit] === "init") follow(unit);
  for (let unit = stack.pop(); unit !== undefined; unit = stack.pop()) follow(unit);
  return reached;
}

const btfPrefix = Buffer.from("__BTF_ID__func__");

/** Functions in sets of BTF ids: programs call them, and the kernel finds them by their names (`BTF_ID(func, …)`). */
function namedForBpf(graph: Graph): ReadonlySet<UnitId> {
  const names = new Set<string>();
  for (const object of graph.objects)
    for (const symbol of symbolsOf(object)) {
      if (!hasNamePrefix(object, symbol, btfPrefix)) continue;
      const named = /^__BTF_ID__func__(.+)__\d+$/.exec(symbolName(object, symbol))?.[1];
      if (named !== undefined) names.add(named);
    }
  const units = new Set<UnitId>();
  if (names.size === 0) return units;
  graph.objects.forEach((object, index) => {
    for (const symbol of symbolsOf(object)) {
      const unit = graph.symbolUnit[graph.symbolBase[index]! + symbol]!;
      if (unit >= 0 && names.has(symbolName(object, symbol))) units.add(unit);
    }
  });
  return units;
}
