// SPDX-License-Identifier: Apache-2.0
/**
 * The units that still leave while the boundary is drawn. Units of one kind that leave with the same components form a group, which
 * shares pages. A group that has become too small for a page stays as a whole.
 */

import { type Graph, sectionOf, type UnitId } from "../1-graph/graph.js";
import type { OwnerSet } from "../5-ownership/ownerSets.js";
import type { Ownership } from "../5-ownership/owners.js";
import { type Kind, kindOfSection } from "../elf/kind.js";

export interface SmallGroup {
  readonly kind: Kind;
  /** The components that would have to leave. */
  readonly owners: OwnerSet;
  readonly bytes: number;
}

export interface Leaving {
  /** 1: the unit leaves with its owners. */
  readonly isLeaving: Uint8Array;
  readonly small: readonly SmallGroup[];
  keep(unit: UnitId): void;
  keepComponent(component: number): void;
  /** Units that stay since the last call, including groups that have become too small. */
  settle(): readonly UnitId[];
}

export function createLeaving(
  graph: Graph,
  { sets, leavesWithByUnit }: Ownership,
  candidates: readonly UnitId[],
  leastBytes: (kind: Kind, components: readonly number[]) => number,
): Leaving {
  const isLeaving = new Uint8Array(graph.unitCount);
  const groups = new Map<string, { kind: Kind; owners: OwnerSet; bytes: number; units: UnitId[] }>();
  const groupOf = (unit: UnitId) => {
    const [kind, owners] = [kindOfSection(sectionOf(graph, unit)), leavesWithByUnit[unit]!];
    const key = `${kind} ${owners}`;
    const group = groups.get(key) ?? { kind, owners, bytes: 0, units: [] };
    groups.set(key, group);
    return group;
  };
  for (const unit of candidates) {
    const group = groupOf(unit);
    group.bytes += sectionOf(graph, unit).size;
    group.units.push(unit);
    isLeaving[unit] = 1;
  }
  const small: SmallGroup[] = [];
  let stayed: UnitId[] = [];
  const keep = (unit: UnitId) => {
    if (!isLeaving[unit]) return;
    isLeaving[unit] = 0;
    groupOf(unit).bytes -= sectionOf(graph, unit).size;
    stayed.push(unit);
  };
  return {
    isLeaving,
    small,
    keep,
    keepComponent(component) {
      for (const { owners, units } of groups.values())
        if (sets.members(owners).includes(component)) units.forEach(keep);
    },
    settle() {
      for (const { kind, owners, bytes, units } of groups.values())
        if (bytes > 0 && bytes < leastBytes(kind, sets.members(owners))) {
          small.push({ kind, owners, bytes });
          units.forEach(keep);
        }
      const since = stayed;
      stayed = [];
      return since;
    },
  };
}
