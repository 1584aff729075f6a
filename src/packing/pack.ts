// SPDX-License-Identifier: Apache-2.0
/**
 * Which components should leave together, and which regions are not worth their pages?
 *
 * A group is all memory of one kind with one set of owners. A region costs its pages on every machine where one of its
 * owners stays; resident memory costs its bytes on every machine. Bundled components leave together: the owners of each
 * group grow to whole bundles, and groups of one kind whose owners have become equal share pages. With a and b in one bundle
 *
 *     text {a} 900 bytes, text {b} 700, text {a, b} 600:     three pages become one, which stays where a or b does
 *
 * Owner sets only grow, and a subset of another set remains one, so no reference becomes a crossing. For given bundles the decision on each
 * region is exact and independent of the others: it leaves if its pages, weighted by the share of machines on which it stays, are fewer bytes
 * than its own. The search of bundles starts from none, and takes the best of all merges of two and moves of one as long as it
 * helps: the result costs no more than no bundles. It may miss an optimum that takes two steps at once
 * (test/unit/packing/pack.long.test.ts measures how often).
 */

import { guardBytes } from "../6-boundary/beside.js";
import { bytesOfRegion } from "../8-link/tables.js";
import type { Kind } from "../elf/kind.js";
import { sum } from "../sum.js";
import { pageSize } from "../x86/x86.js";

/** All of one kind that leaves with the same components. Components are numbers. */
export interface Group {
  readonly kind: Kind;
  readonly owners: readonly number[];
  readonly bytes: number;
}

/** Machines on which the same components stay. */
export interface MachineClass {
  readonly stays: readonly number[];
  readonly weight: number;
}

export interface PackedRegion extends Group {
  readonly leaves: boolean;
  /** Expected bytes in memory. */
  readonly cost: number;
}

export interface PackedGroups {
  /** Bundles of two components or more. */
  readonly together: readonly (readonly number[])[];
  readonly regions: readonly PackedRegion[];
  /** Expected resident bytes per machine. */
  readonly cost: number;
}

const partsByClasses = new WeakMap<readonly MachineClass[], Map<string, number>>();

/** The part of all machines on which one of these stays. */
export function partWithOwners(classes: readonly MachineClass[], owners: readonly number[]): number {
  const parts = partsByClasses.get(classes) ?? new Map<string, number>();
  partsByClasses.set(classes, parts);
  const key = owners.join();
  const known = parts.get(key) ?? countPart(classes, owners);
  parts.set(key, known);
  return known;
}

function countPart(classes: readonly MachineClass[], owners: readonly number[]): number {
  const all = sum(classes.map(({ weight }) => weight));
  const some = classes.reduce(
    (sum, { stays, weight }) => (stays.some((one) => owners.includes(one)) ? sum + weight : sum),
    0,
  );
  return all === 0 ? 0 : some / all;
}

export const regionCost = (pages: number, part: number) => bytesOfRegion + part * pages * pageSize;

/** The regions of given bundles, each decided for itself. `bundles` holds every component once. */
export function packInto(
  bundles: readonly (readonly number[])[],
  groups: readonly Group[],
  classes: readonly MachineClass[],
): PackedGroups {
  const bundleOf = new Map(bundles.flatMap((bundle) => bundle.map((one) => [one, bundle] as const)));
  const regions = new Map<string, { kind: Kind; owners: readonly number[]; bytes: number }>();
  for (const { kind, owners, bytes } of groups) {
    const whole = [...new Set(owners.flatMap((one) => bundleOf.get(one) ?? [one]))].sort((a, b) => a - b);
    const key = `${kind} ${whole}`;
    const region = regions.get(key) ?? { kind, owners: whole, bytes: 0 };
    regions.set(key, { ...region, bytes: region.bytes + bytes });
  }
  const decided = [...regions.values()].map((region): PackedRegion => {
    const pages = Math.ceil((region.bytes + 2 * guardBytes) / pageSize);
    const leaving = regionCost(pages, partWithOwners(classes, region.owners));
    const leaves = leaving < region.bytes;
    return { ...region, leaves, cost: leaves ? leaving : region.bytes };
  });
  return {
    together: bundles.filter(({ length }) => length > 1),
    regions: decided,
    cost: sum(decided.map(({ cost }) => cost)),
  };
}

/** The least that any order and any sharing of pages can keep: no page has fill, and each byte stays only where its owners do. */
export const lowerBound = (groups: readonly Group[], classes: readonly MachineClass[]) =>
  sum(groups.map(({ owners, bytes }) => bytes * partWithOwners(classes, owners)));

/** Two bundles merged, or one component moved: into another bundle, or out of its own. */
function* steps(bundles: readonly (readonly number[])[]): Iterable<readonly (readonly number[])[]> {
  const sorted = (bundle: readonly number[]) => [...bundle].sort((a, b) => a - b);
  for (const [index, from] of bundles.entries())
    for (const [other, to] of bundles.entries()) {
      const rest = bundles.filter((_, at) => at !== index && at !== other);
      if (index < other) yield [...rest, sorted([...from, ...to])];
      if (index !== other && from.length > 1)
        for (const one of from) yield [...rest, from.filter((each) => each !== one), sorted([...to, one])];
    }
  for (const [index, from] of bundles.entries())
    if (from.length > 2)
      for (const one of from)
        yield [...bundles.filter((_, at) => at !== index), from.filter((each) => each !== one), [one]];
}

export function pack(groups: readonly Group[], classes: readonly MachineClass[]): PackedGroups {
  const components = [...new Set(groups.flatMap(({ owners }) => owners))].sort((a, b) => a - b);
  let bundles: readonly (readonly number[])[] = components.map((one) => [one]);
  let best = packInto(bundles, groups, classes);
  for (let isBetter = true; isBetter; ) {
    isBetter = false;
    for (const next of [...steps(bundles)]) {
      const packed = packInto(next, groups, classes);
      if (packed.cost >= best.cost - 1e-6) continue;
      best = packed;
      bundles = next;
      isBetter = true;
    }
  }
  return best;
}
