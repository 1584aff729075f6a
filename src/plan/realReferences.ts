// SPDX-License-Identifier: Apache-2.0
/**
 * References as the running kernel has them: the kernel copies a replacement instruction over the original one, so its
 * references count as those of the unit that contains the original instruction.
 */

import type { EdgeId, Graph, UnitId } from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";
import { findRealSources } from "../6-boundary/alternatives.js";
import type { References } from "./chain.js";

export interface RealReferences extends References {
  readonly edgeKind: Uint8Array;
  /** The edge of the graph that each of these is. */
  readonly edgeId: Uint32Array;
}

/** The references out of replacement code, by the unit that they are really from. */
export function findReplacementEdges(
  graph: Graph,
  roles: readonly Role[],
): ReadonlyMap<UnitId, readonly EdgeId[]> {
  const realSourceOf = findRealSources(graph, roles);
  const found = new Map<UnitId, EdgeId[]>();
  for (let unit = 0; unit < graph.unitCount; unit++) {
    if (roles[unit] !== "patch") continue;
    for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++) {
      const source = realSourceOf(edge);
      const edges = found.get(source) ?? [];
      found.set(source, edges);
      edges.push(edge);
    }
  }
  return found;
}

export function attributeReplacements(graph: Graph, roles: readonly Role[]): RealReferences {
  const { unitCount } = graph;
  const moved = findReplacementEdges(graph, roles);
  const firstEdge = new Uint32Array(unitCount + 1);
  const edgeId = new Uint32Array(graph.edgeTo.length);
  const edgeTo = new Int32Array(graph.edgeTo.length);
  const edgeKind = new Uint8Array(graph.edgeTo.length);
  let at = 0;
  const take = (edge: EdgeId) => {
    edgeId[at] = edge;
    edgeTo[at] = graph.edgeTo[edge]!;
    edgeKind[at++] = graph.edgeKind[edge]!;
  };
  for (let unit = 0; unit < unitCount; unit++) {
    firstEdge[unit] = at;
    if (roles[unit] !== "patch")
      for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++) take(edge);
    for (const edge of moved.get(unit) ?? []) take(edge);
  }
  firstEdge[unitCount] = at;
  return { unitCount, firstEdge, edgeId, edgeTo, edgeKind };
}
