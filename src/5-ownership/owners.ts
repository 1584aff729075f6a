// SPDX-License-Identifier: Apache-2.0
/**
 * Which components does each unit serve?
 *
 * Vertices are units, edges are references. A seed is owned by its component. Other units that
 * anything resident reaches, without passing through a seed, are resident. Units that only seeds reach are
 * owned by all the components whose seeds reach them:
 *
 *     amd/init.o ──▶ helper ◀── intel/iommu.o        helper is owned by {amd-vi, intel-vtd}
 *     amd/init.o ──▶ printk ◀── kernel/fork.o        printk is resident
 *
 * Guaranteed: a unit that is not a seed and has owners is reached from no resident unit, table or export.
 * Tables that only describe code reach nothing; neither does a direct call from init code, which is over by
 * the time anything leaves. Two kinds of seeds pass on no owner. A function that only init code calls has run by the time it leaves, and
 * may have stored addresses of the code and data that it refers to, so these are resident. A built-in module that leaves without a
 * manifest takes nothing along but its own objects, so units that it refers to are resident. Every edge is examined at most once for
 * residents and once for each owner set that a unit passes through.
 */

import type { Graph, UnitId } from "../1-graph/graph.js";
import { isKeeping } from "../2-catalogue/keeping.js";
import type { Role } from "../2-catalogue/sections.js";
import type { Claims } from "../3-component/claim.js";
import { createOwnerSets, type OwnerSet, type OwnerSets } from "./ownerSets.js";

export interface Ownership {
  readonly sets: OwnerSets;
  /** The owner set of each unit. */
  readonly ownersByUnit: Uint32Array;
  /** Components that all have to leave before the unit does: its owners, and what they are bundled with. */
  readonly leavesWithByUnit: Uint32Array;
}

/**
 * Lets components leave together. Sets grow to whole bundles, and a set that lies in another one still does: no reference
 * becomes a crossing by it.
 */
export function bundleOwners(
  { sets, ownersByUnit }: Ownership,
  bundles: readonly (readonly number[])[],
): Ownership {
  const grown = new Map<OwnerSet, OwnerSet>();
  const grow = (set: OwnerSet) => {
    let result = set;
    for (const bundle of bundles)
      if (bundle.some((one) => sets.members(set).includes(one)))
        for (const one of bundle) result = sets.union(result, sets.single(one));
    return result;
  };
  const leavesWithByUnit = ownersByUnit.map((set) => {
    const known = grown.get(set) ?? grow(set);
    grown.set(set, known);
    return known;
  });
  return { sets, ownersByUnit, leavesWithByUnit };
}

export function assignOwners(graph: Graph, roles: readonly Role[], claims: Claims): Ownership {
  const sets = createOwnerSets();
  const ownersByUnit = new Uint32Array(graph.unitCount);
  const { componentByUnit } = claims;
  const isReached = markResident(graph, roles, claims);

  const queue: UnitId[] = [];
  for (let unit = 0; unit < graph.unitCount; unit++) {
    if (componentByUnit[unit]! < 0) continue;
    ownersByUnit[unit] = sets.single(componentByUnit[unit]!);
    if (!takesNothing(claims, unit)) queue.push(unit);
  }
  for (let unit = queue.pop(); unit !== undefined; unit = queue.pop()) {
    for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++) {
      const to = graph.edgeTo[edge]!;
      if (to < 0 || isReached[to] || componentByUnit[to]! >= 0 || roles[to] !== "plain") continue;
      const owners: OwnerSet = sets.union(ownersByUnit[to]!, ownersByUnit[unit]!);
      if (owners === ownersByUnit[to]) continue;
      ownersByUnit[to] = owners;
      queue.push(to);
    }
  }
  return { sets, ownersByUnit, leavesWithByUnit: ownersByUnit };
}

/** Whether units to which a seed refers are resident, even if nothing else refers to them. */
const takesNothing = ({ components, componentByUnit, initHelpers }: Claims, unit: UnitId) =>
  initHelpers.has(unit) || components[componentByUnit[unit]!]?.automatic !== undefined;

function markResident(graph: Graph, roles: readonly Role[], claims: Claims): Uint8Array {
  const { componentByUnit, residentByName } = claims;
  const { firstEdge, edgeTo, edgeKind, unitCount } = graph;
  const isReferred = new Uint8Array(unitCount);
  for (let unit = 0; unit < unitCount; unit++)
    for (let edge = firstEdge[unit]!; edge < firstEdge[unit + 1]!; edge++) {
      const to = edgeTo[edge]!;
      if (to >= 0 && to !== unit && isKeeping(roles, unit, edgeKind[edge]!)) isReferred[to] = 1;
    }
  const isReached = new Uint8Array(unitCount);
  const stack: UnitId[] = [];
  const reach = (unit: UnitId) => {
    if (isReached[unit] || componentByUnit[unit]! >= 0) return;
    isReached[unit] = 1;
    stack.push(unit);
  };
  for (let unit = 0; unit < unitCount; unit++)
    if (roles[unit] !== "plain" || !isReferred[unit] || residentByName.has(unit)) reach(unit);
  for (let unit = 0; unit < unitCount; unit++) {
    if (componentByUnit[unit]! < 0 || !takesNothing(claims, unit)) continue;
    for (let edge = firstEdge[unit]!; edge < firstEdge[unit + 1]!; edge++)
      if (edgeTo[edge]! >= 0) reach(edgeTo[edge]!);
  }
  for (let unit = stack.pop(); unit !== undefined; unit = stack.pop())
    for (let edge = firstEdge[unit]!; edge < firstEdge[unit + 1]!; edge++)
      if (edgeTo[edge]! >= 0 && isKeeping(roles, unit, edgeKind[edge]!)) reach(edgeTo[edge]!);
  return isReached;
}
