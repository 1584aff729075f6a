// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the code that a row of a describing table is about. A row begins with the address of an instruction, and may go on with data that
 * is read when that instruction runs or is patched: format and file name of a warning (`struct bug_entry`), the key of
 * a static branch (`struct jump_entry`, whose second field is code too), the key of a static call's trampoline.
 */

import { type EdgeId, type Graph, sectionOf, sourceOf, type UnitId } from "../1-graph/graph.js";
import { sectionFlag } from "../elf/format.js";

/** References to data that may come before one in its row: the format of a warning, before the file's name. */
const mostData = 1;

/** For a reference to data in such a table: the first of the references to code that the row begins with. */
export function findRowCode(graph: Graph, edge: EdgeId): UnitId | undefined {
  const first = graph.firstEdge[sourceOf(graph, edge)]!;
  const isCode = (one: EdgeId) =>
    graph.edgeTo[one]! >= 0 && (sectionOf(graph, graph.edgeTo[one]!).flags & sectionFlag.execute) !== 0;
  let data = edge;
  while (data > first && edge - data < mostData && !isCode(data - 1)) data--;
  let start = data;
  while (start > first && isCode(start - 1)) start--;
  return start === data ? undefined : graph.edgeTo[start]!;
}
