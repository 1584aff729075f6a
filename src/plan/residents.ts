// SPDX-License-Identifier: Apache-2.0

import type { EdgeId } from "../1-graph/graph.js";
import { isKeeping } from "../2-catalogue/keeping.js";
import type { Role } from "../2-catalogue/sections.js";
import { type Chains, chainTo, findChains, type References } from "./chain.js";
import type { RealReferences } from "./realReferences.js";

export interface OwnedReferences extends References {
  readonly edgeKind: ArrayLike<number>;
  readonly roles: readonly Role[];
  isOwned(unit: number): boolean;
}

/**
 * Finds the chain that keeps each unit that stays, and the chain by which an owned unit is reached from outside. Roots are
 * those of `assignOwners`, everything that no compiler placed; and, if these do not
 * explain it, code that nothing refers to.
 */
export function findResidentChains(units: OwnedReferences): Chains {
  const { unitCount, firstEdge, edgeTo, edgeKind, roles, isOwned } = units;
  const isReferred = new Uint8Array(unitCount);
  for (let unit = 0; unit < unitCount; unit++)
    for (let edge = firstEdge[unit]!; edge < firstEdge[unit + 1]!; edge++) {
      const to = edgeTo[edge]!;
      if (to >= 0 && to !== unit && isKeeping(roles, unit, edgeKind[edge]!)) isReferred[to] = 1;
    }
  return findChains(units, {
    rankOfRoot(unit) {
      if (isOwned(unit) || roles[unit] === "patch") return 0;
      if (roles[unit] !== "plain") return 1;
      return isReferred[unit] === 0 ? 2 : 0;
    },
    isPassed: (unit) => !isOwned(unit),
    isKeeping: (unit, edge) => isKeeping(roles, unit, edgeKind[edge]!),
  });
}

/** From the units that manifests name to the helpers that only these need. */
export function findOwnedChains(units: OwnedReferences, isSeed: (unit: number) => boolean): Chains {
  return findChains(units, {
    rankOfRoot: (unit) => (isSeed(unit) ? 1 : 0),
    isPassed: units.isOwned,
    isKeeping: () => true,
  });
}

/** Gives the edges of the graph that lead from a root to a unit. */
export function searchChains(
  references: RealReferences,
  roles: readonly Role[],
  isOwned: (unit: number) => boolean,
): (unit: number) => EdgeId[] {
  const chains = findResidentChains({ ...references, roles, isOwned });
  return (unit) => chainTo(chains, unit).map((edge) => references.edgeId[edge]!);
}
