// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Graph, referenceKind } from "../../../src/1-graph/graph.js";
import type { Role } from "../../../src/2-catalogue/sections.js";
import type { Claims } from "../../../src/3-component/claim.js";
import { assignOwners } from "../../../src/5-ownership/owners.js";

interface Case {
  readonly roles: readonly Role[];
  /** The component of each unit, or -1. */
  readonly seeds: readonly number[];
  /** Units that a manifest says to be resident. */
  readonly staying: readonly number[];
  readonly edges: readonly { readonly from: number; readonly to: number; readonly kind: number }[];
}

const role = fc.constantFrom<Role>(
  "plain",
  "plain",
  "plain",
  "plain",
  "fixed",
  "init",
  "describes",
  "calls",
  "exports",
);

const cases: fc.Arbitrary<Case> = fc.integer({ min: 1, max: 24 }).chain((count) =>
  fc
    .record({
      roles: fc.array(role, { minLength: count, maxLength: count }),
      seeds: fc.array(fc.integer({ min: -6, max: 3 }), { minLength: count, maxLength: count }),
      staying: fc.array(fc.nat(count - 1), { maxLength: 2 }),
      edges: fc.array(fc.record({ from: fc.nat(count - 1), to: fc.nat(count - 1), kind: fc.nat(2) }), {
        maxLength: 3 * count,
      }),
    })
    .map(({ roles, seeds, staying, edges }) => ({
      ...{ roles, staying, edges },
      seeds: seeds.map((seed, unit) =>
        roles[unit] === "plain" && !staying.includes(unit) ? Math.max(seed, -1) : -1,
      ),
    })),
);

/** Only the columns that ownership reads. */
function graphOf({ roles, edges }: Case): Graph {
  const sorted = [...edges].sort((a, b) => a.from - b.from);
  const firstEdge = new Uint32Array(roles.length + 1);
  for (const { from } of sorted) firstEdge[from + 1]!++;
  for (let unit = 0; unit < roles.length; unit++) firstEdge[unit + 1]! += firstEdge[unit]!;
  return {
    unitCount: roles.length,
    firstEdge,
    edgeTo: Int32Array.from(sorted, ({ to }) => to),
    edgeKind: Uint8Array.from(sorted, ({ kind }) => kind),
  } as Graph;
}

/** From the definition, with a search of its own for every question. */
function naiveOwners({ roles, seeds, staying, edges }: Case): number[][] {
  const keeps = edges.filter(
    ({ from, kind }) =>
      roles[from] !== "describes" && !(roles[from] === "init" && kind === referenceKind.branch),
  );
  const reachedFrom = (start: number, isSeedStart: boolean, some: Case["edges"]) => {
    const reached = new Set<number>();
    const visit = (unit: number) => {
      for (const { from, to } of some)
        if (from === unit && seeds[to]! < 0 && !reached.has(to)) {
          reached.add(to);
          visit(to);
        }
    };
    if (!isSeedStart) reached.add(start);
    visit(start);
    return reached;
  };
  const isRoot = (unit: number) =>
    seeds[unit]! < 0 &&
    (roles[unit] !== "plain" ||
      staying.includes(unit) ||
      !keeps.some(({ from, to }) => to === unit && from !== unit));
  const units = roles.map((_, unit) => unit);
  const resident = new Set(units.filter(isRoot).flatMap((unit) => [...reachedFrom(unit, false, keeps)]));
  const open = edges.filter(({ to }) => roles[to] === "plain" && !resident.has(to));
  return units.map((unit) => {
    if (seeds[unit]! >= 0) return [seeds[unit]!];
    if (resident.has(unit)) return [];
    const owners = units.filter((seed) => seeds[seed]! >= 0 && reachedFrom(seed, true, open).has(unit));
    return [...new Set(owners.map((seed) => seeds[seed]!))].sort();
  });
}

test("owners are those of the definition", () => {
  fc.assert(
    fc.property(cases, (one) => {
      const claims = {
        components: [],
        componentByUnit: Int16Array.from(one.seeds),
        initHelpers: new Set(),
        residentByName: new Set(one.staying),
      } as unknown as Claims;
      const { sets, ownersByUnit } = assignOwners(graphOf(one), one.roles, claims);
      expect([...ownersByUnit].map((set) => [...sets.members(set)])).toEqual(naiveOwners(one));
    }),
    { numRuns: 2000 },
  );
});
