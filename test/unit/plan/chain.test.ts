// SPDX-License-Identifier: Apache-2.0
/** The shortest chains, against a search that tries everything. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ChainRules, chainTo, findChains, isReached, type References } from "../../../src/plan/chain.js";

const graphs = fc
  .record({
    unitCount: fc.integer({ min: 1, max: 12 }),
    pairs: fc.array(fc.tuple(fc.nat(11), fc.integer({ min: -1, max: 11 })), { maxLength: 40 }),
    ranks: fc.array(fc.constantFrom(0 as const, 1 as const, 2 as const), { minLength: 12, maxLength: 12 }),
    passed: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
  })
  .map(({ unitCount, pairs, ranks, passed }) => {
    const edges = pairs.filter(([from, to]) => from < unitCount && to < unitCount).sort(([a], [b]) => a - b);
    const firstEdge = Array.from({ length: unitCount + 1 }, (_, unit) => {
      const at = edges.findIndex(([from]) => from >= unit);
      return at < 0 ? edges.length : at;
    });
    const references: References = { unitCount, firstEdge, edgeTo: edges.map(([, to]) => to) };
    const rules: ChainRules = {
      rankOfRoot: (unit) => ranks[unit]!,
      isPassed: (unit) => passed[unit]!,
      isKeeping: (_, edge) => edge % 5 !== 4,
    };
    return { references, rules, edges };
  });

type Case = typeof graphs extends fc.Arbitrary<infer T> ? T : never;

/** Distances from roots of a rank, by trying all edges until nothing changes. */
function distances({ references, rules, edges }: Case, rank: 1 | 2): number[] {
  const found = Array.from({ length: references.unitCount }, (_, unit) =>
    rules.rankOfRoot(unit) === rank ? 0 : Number.POSITIVE_INFINITY,
  );
  const strong = rank === 2 ? distances({ references, rules, edges }, 1) : undefined;
  if (strong !== undefined)
    strong.forEach((distance, unit) => {
      if (distance < Number.POSITIVE_INFINITY) found[unit] = Number.POSITIVE_INFINITY;
    });
  for (let changed = true; changed; ) {
    changed = false;
    edges.forEach(([from, to], edge) => {
      if (to < 0 || !rules.isKeeping(from, edge)) return;
      if (strong !== undefined && strong[to]! < Number.POSITIVE_INFINITY) return;
      if (found[from] !== 0 && !rules.isPassed(from)) return;
      if (found[from]! + 1 < found[to]!) {
        found[to] = found[from]! + 1;
        changed = true;
      }
    });
  }
  return found;
}

test("a chain is as short as any, and each of its edges starts where the one before it ended", () => {
  fc.assert(
    fc.property(graphs, (one) => {
      const { references, rules, edges } = one;
      const chains = findChains(references, rules);
      const [strong, weak] = [distances(one, 1), distances(one, 2)];
      for (let unit = 0; unit < references.unitCount; unit++) {
        const expected = Math.min(strong[unit]!, Number.POSITIVE_INFINITY);
        const length = expected < Number.POSITIVE_INFINITY ? expected : weak[unit]!;
        expect(isReached(chains, unit)).toBe(length < Number.POSITIVE_INFINITY);
        if (length === Number.POSITIVE_INFINITY) continue;
        const chain = chainTo(chains, unit);
        expect(chain).toHaveLength(length);
        chain.forEach((edge, index) => {
          const next = chain[index + 1];
          expect(edges[edge]![1]).toBe(next === undefined ? unit : edges[next]![0]);
        });
        if (chain.length > 0) expect(rules.rankOfRoot(edges[chain[0]!]![0])).toBeGreaterThan(0);
      }
    }),
    { numRuns: 500 },
  );
});
