// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the code that a replacement instruction belongs to. `apply_alternatives()` copies it over the instruction that
 * `.altinstructions` names, so a reference from `.altinstr_replacement` is one from the unit that holds that
 * instruction: a jump inside a function, or a call by it.
 *
 * An entry of `.altinstructions` begins with two PC-relative fields, the instruction and its replacement
 * (`struct alt_instr` in arch/x86/include/asm/alternative.h); its relocations therefore come in pairs.
 */

import { describeEdge, type EdgeId, type Graph, sectionOf, sourceOf, type UnitId } from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";

interface Replacement {
  readonly start: number;
  readonly site: UnitId;
}

/** Gives the unit that a reference really comes from: for replacement code the one it is copied into. */
export function findRealSources(graph: Graph, roles: readonly Role[]): (edge: EdgeId) => UnitId {
  const byUnit = new Map<UnitId, Replacement[]>();
  for (let unit = 0; unit < graph.unitCount; unit++) {
    if (roles[unit] !== "describes" || sectionOf(graph, unit).name !== ".altinstructions") continue;
    const end = graph.firstEdge[unit + 1]!;
    for (let edge = graph.firstEdge[unit]!; edge + 1 < end; edge += 2) {
      const replacement = describeEdge(graph, edge + 1);
      if (roles[replacement.to] !== "patch") continue;
      const known = byUnit.get(replacement.to) ?? [];
      byUnit.set(replacement.to, known);
      known.push({ start: replacement.targetOffset, site: graph.edgeTo[edge]! });
    }
  }
  for (const replacements of byUnit.values()) replacements.sort((a, b) => a.start - b.start);

  return (edge) => {
    const from = sourceOf(graph, edge);
    const replacements = roles[from] === "patch" ? byUnit.get(from) : undefined;
    if (replacements === undefined) return from;
    const { offset } = describeEdge(graph, edge);
    let low = -1;
    let high = replacements.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (replacements[middle]!.start <= offset) low = middle;
      else high = middle;
    }
    const site = replacements[low]?.site ?? -1;
    return site < 0 ? from : site;
  };
}
