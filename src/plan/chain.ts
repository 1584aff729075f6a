// SPDX-License-Identifier: Apache-2.0
/**
 * The shortest chain of references from a root to each unit.
 *
 * Vertices are units, edges are references; every edge has length one and roots are at distance 0. A unit
 * at which chains are to end (one that a component owns) is reached but not passed through:
 *
 *     syscall table ──▶ sys_open ──▶ do_open ──▶ amd_iommu_map (owned) ──▶ fetch_pte
 *
 * gives do_open the chain of three and amd_iommu_map that of four; fetch_pte is not reached. Guaranteed: among
 * chains of one length the one whose units come first in link order. One breadth-first search, so each edge is
 * looked at once. Works on a link's graph and on the columns of a plan alike.
 */

export interface References {
  readonly unitCount: number;
  /** Edges of unit u: firstEdge[u] up to firstEdge[u + 1]. */
  readonly firstEdge: ArrayLike<number>;
  /** The unit an edge leads to; negative: none. */
  readonly edgeTo: ArrayLike<number>;
}

export interface ChainRules {
  /** 0: no root. Chains start at roots of rank 1; at one of rank 2 where no chain from those leads. */
  rankOfRoot(unit: number): 0 | 1 | 2;
  /** Whether chains continue from a unit that is not a root. */
  isPassed(unit: number): boolean;
  /** Whether a reference keeps what it leads to. */
  isKeeping(unit: number, edge: number): boolean;
}

export interface Chains {
  /** The edge by which a unit was reached first; -1: a root, -2: not reached. */
  readonly edgeInto: Int32Array;
  /** The unit that edge belongs to. */
  readonly previous: Int32Array;
}

const root = -1;
const unreached = -2;

export function findChains({ unitCount, firstEdge, edgeTo }: References, rules: ChainRules): Chains {
  const edgeInto = new Int32Array(unitCount).fill(unreached);
  const previous = new Int32Array(unitCount).fill(-1);
  const queue = new Int32Array(unitCount);
  let at = 0;
  let end = 0;
  for (const rank of [1, 2]) {
    for (let unit = 0; unit < unitCount; unit++)
      if (edgeInto[unit] === unreached && rules.rankOfRoot(unit) === rank) {
        edgeInto[unit] = root;
        queue[end++] = unit;
      }
    for (; at < end; at++) {
      const unit = queue[at]!;
      if (edgeInto[unit] !== root && !rules.isPassed(unit)) continue;
      for (let edge = firstEdge[unit]!; edge < firstEdge[unit + 1]!; edge++) {
        const to = edgeTo[edge]!;
        if (to < 0 || edgeInto[to] !== unreached || !rules.isKeeping(unit, edge)) continue;
        edgeInto[to] = edge;
        previous[to] = unit;
        queue[end++] = to;
      }
    }
  }
  return { edgeInto, previous };
}

export const isReached = ({ edgeInto }: Chains, unit: number) => edgeInto[unit] !== unreached;

/** The edges from a root to a unit, in that order; none for a root. */
export function chainTo({ edgeInto, previous }: Chains, unit: number): number[] {
  const chain: number[] = [];
  for (let at = unit; edgeInto[at]! >= 0; at = previous[at]!) chain.push(edgeInto[at]!);
  return chain.reverse();
}
