// SPDX-License-Identifier: Apache-2.0
/** Addresses that lie beside the data that they refer to. */
import { describeEdge, type EdgeId, type Graph, sectionOf } from "../1-graph/graph.js";

/**
 * Bytes at each end of a region in which nothing lies: a pointer one past the end of what comes before the region,
 * or just before what follows it, does not point into it.
 */
export const guardBytes = 16;

/**
 * How far outside of data its address is taken, in bytes, where the guards of a region do not cover it; else 0. An array
 * that is indexed from 390 on is addressed 390 elements before it begins.
 */
export function distanceBeside(graph: Graph, edge: EdgeId): number {
  const { to, targetOffset } = describeEdge(graph, edge);
  const distance = Math.max(-targetOffset, targetOffset - sectionOf(graph, to).size);
  return distance > guardBytes ? distance : 0;
}
