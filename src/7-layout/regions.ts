// SPDX-License-Identifier: Apache-2.0
/**
 * Packs the units that leave into regions: one for each kind of memory and set of owners, with units in link order, so
 * that the same inputs give the same regions.
 */

import { type Graph, sectionOf, type UnitId } from "../1-graph/graph.js";
import type { Ownership } from "../5-ownership/owners.js";
import { guardBytes } from "../6-boundary/beside.js";
import type { Boundary } from "../6-boundary/boundary.js";
import { type Kind, kindOfSection, kinds } from "../elf/kind.js";
import { pageSize } from "../x86/x86.js";

export interface Region {
  /** Two digits or more; part of its section's and symbols' names. */
  readonly name: string;
  readonly kind: Kind;
  /** Components, in ascending order. It leaves when all of them do. */
  readonly owners: readonly number[];
  readonly units: readonly UnitId[];
  /** Bytes of the units with the gaps between them and the guards at both ends. */
  readonly bytes: number;
  readonly pages: number;
}

export function layoutRegions(
  graph: Graph,
  ownership: Ownership,
  { isLeaving }: Boundary,
): readonly Region[] {
  const groups = new Map<string, { kind: Kind; owners: readonly number[]; units: UnitId[] }>();
  for (let unit = 0; unit < graph.unitCount; unit++) {
    if (!isLeaving[unit]) continue;
    const kind = kindOfSection(sectionOf(graph, unit));
    const set = ownership.leavesWithByUnit[unit]!;
    const key = `${kind} ${set}`;
    const group = groups.get(key) ?? { kind, owners: ownership.sets.members(set), units: [] };
    groups.set(key, group);
    group.units.push(unit);
  }
  const sorted = [...groups.values()].sort(
    (a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || compareLists(a.owners, b.owners),
  );
  return sorted.map((group, index) => {
    const bytes = packedBytes(graph, group.units);
    return { ...group, name: String(index).padStart(2, "0"), bytes, pages: Math.ceil(bytes / pageSize) };
  });
}

/** By length first: what one component owns comes before what several share. */
function compareLists(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return a.length - b.length;
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}

function packedBytes(graph: Graph, units: readonly UnitId[]): number {
  let end = guardBytes;
  for (const unit of units) {
    const { size, align } = sectionOf(graph, unit);
    end = Math.ceil(end / Math.max(align, 1)) * Math.max(align, 1) + size;
  }
  return end + guardBytes;
}
