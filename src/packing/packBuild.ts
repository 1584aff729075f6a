// SPDX-License-Identifier: Apache-2.0
/**
 * Packs the regions of a build, and plans the build again to measure the packing, including effects that the search ignores.
 *
 * Memory of automatic components counts, but is not packed: the search of memory at boot identifies a driver by its region. If one kind of
 * the driver's memory stayed, references from there would need gates, for which such a driver has no answers.
 */

import { sectionOf } from "../1-graph/graph.js";
import type { Component } from "../3-component/component.js";
import { noPacking, type PackedRegionName, type Packing } from "../3-component/packing.js";
import { resident } from "../5-ownership/ownerSets.js";
import { leastBytes } from "../6-boundary/leastBytes.js";
import type { Analysis } from "../7-layout/analysis.js";
import type { ElfObject } from "../elf/object.js";
import { type AnalyseOptions, analyse } from "../passes.js";
import { sum } from "../sum.js";
import {
  type Group,
  lowerBound,
  type MachineClass,
  type PackedGroups,
  pack,
  packInto,
  partWithOwners,
  regionCost,
} from "./pack.js";

/** Machines on which the same components stay, by name. */
export interface NamedClass {
  readonly stays: readonly string[];
  readonly weight: number;
}

export interface PackedBuild {
  readonly packing: Packing;
  /** Expected bytes that components keep in memory, per machine. */
  readonly plain: number;
  readonly packed: number;
  /** No order and no sharing of pages keeps less. */
  readonly bound: number;
  readonly regions: { readonly plain: number; readonly packed: number };
}

export function packBuild(
  objects: readonly ElfObject[],
  manifests: readonly Component[],
  fleet: readonly NamedClass[],
  modfiles?: AnalyseOptions["modfiles"],
): PackedBuild {
  const plain = analyse(objects, manifests, { modfiles });
  const names = plain.claims.components.map(({ name }) => name);
  const classes = fleet.map(
    ({ stays, weight }): MachineClass => ({
      stays: stays.map((name) => names.indexOf(name)).filter((index) => index >= 0),
      weight,
    }),
  );
  const groups = groupsOf(plain);
  const isAutomatic = (owner: number) => plain.claims.components[owner]!.automatic !== undefined;
  const packable = groups.filter(({ owners }) => !owners.some(isAutomatic));
  const alone = names.map((_, index) => [index]);
  const candidates = [pack(packable, classes), packInto(alone, packable, classes)].map((packed) =>
    describePacking(packed, names),
  );
  let best = { packing: noPacking, analysis: plain, cost: measure(plain, classes) };
  const before = best.cost;
  for (const packing of candidates) {
    const analysis = analyse(objects, manifests, { packing, modfiles });
    const cost = measure(analysis, classes);
    // A driver that is no longer a component does not count.
    const hasAll = analysis.claims.components.length === names.length;
    if (hasAll && cost < best.cost && analysis.boundary.refusals.length <= plain.boundary.refusals.length)
      best = { packing, analysis, cost };
  }
  return {
    packing: best.packing,
    plain: before,
    packed: best.cost,
    bound: lowerBound(groups, classes) + pinnedBytes(plain),
    regions: { plain: plain.regions.length, packed: best.analysis.regions.length },
  };
}

/** Everything that may leave, in a region or too small for one. */
function groupsOf({ graph, regions, boundary, ownership }: Analysis): Group[] {
  const inRegions = regions.map(({ kind, owners, units }) => ({
    ...{ kind, owners },
    bytes: sum(units.map((unit) => sectionOf(graph, unit).size)),
  }));
  const small = boundary.tooSmall.map(({ kind, owners, bytes }) => ({
    ...{ kind, bytes },
    owners: ownership.sets.members(owners),
  }));
  return [...inRegions, ...small];
}

/** Bytes that components own and that stay on every machine. */
function residentBytes({ graph, ownership, boundary }: Analysis): number {
  let sum = 0;
  for (let unit = 0; unit < graph.unitCount; unit++)
    if (ownership.ownersByUnit[unit] !== resident && !boundary.isLeaving[unit])
      sum += sectionOf(graph, unit).size;
  return sum;
}

/** Those of them that are pinned, or refused. */
const pinnedBytes = (analysis: Analysis) =>
  residentBytes(analysis) - sum(analysis.boundary.tooSmall.map(({ bytes }) => bytes));

function measure(analysis: Analysis, classes: readonly MachineClass[]): number {
  return analysis.regions.reduce(
    (sum, { pages, owners }) => sum + regionCost(pages, partWithOwners(classes, owners)),
    residentBytes(analysis),
  );
}

/** Only decisions that differ from the usual ones. */
function describePacking({ together, regions }: PackedGroups, names: readonly string[]): Packing {
  const named = (owners: readonly number[]) => owners.map((owner) => names[owner]!);
  const select = (leaves: boolean): PackedRegionName[] =>
    regions
      .filter((one) => one.leaves === leaves && one.bytes >= leastBytes !== leaves)
      .map(({ kind, owners }) => ({ kind, of: named(owners) }));
  return { together: together.map(named), stay: select(false), leave: select(true) };
}
