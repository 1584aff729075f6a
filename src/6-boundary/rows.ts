// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the code that a row of a describing table is about. A row begins with an instruction, and may go on with data that
 * is looked at when that instruction runs or is patched: the file's name of a warning (`struct bug_entry`), the key of
 * a static branch (`struct jump_entry`, whose second field is code too), the key of a static call's trampoline.
 */

import { type EdgeId, type Graph, sectionOf, sourceOf, type UnitId } from "../1-graph/graph.js";
import { sectionFlag } from "../elf/format.js";

/** For a reference to data in such a table: the first of the references to code that come right before it. */
export function findRowCode(graph: Graph, edge: EdgeId): UnitId | undefined {
  const first = graph.firstEdge[sourceOf(graph, edge)]!;
  const isCode = (one: EdgeId) =>
    graph.edgeTo[one]! >= 0 && (sectionOf(graph, graph.edgeTo[one]!).flags & sectionFlag.execute) !== 0;
  let start = edge;
  while (start > first && isCode(start - 1)) start--;
  return start === edge ? undefined : graph.edgeTo[start]!;
}
