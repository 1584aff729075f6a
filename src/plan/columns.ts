// SPDX-License-Identifier: Apache-2.0
/**
 * Every unit of a link and every reference, in columns: a kernel of 200,000 units is then a few megabytes of
 * JSON. Units without bytes in the kernel are left out, and so are tables that only describe code, because they keep nothing.
 */

import { type EdgeId, type Graph, referenceKind, sectionOf, type UnitId } from "../1-graph/graph.js";
import { keepsNothing } from "../2-catalogue/keeping.js";
import type { Role } from "../2-catalogue/sections.js";
import type { Claims } from "../3-component/claim.js";
import { type OwnerSet, resident } from "../5-ownership/ownerSets.js";
import type { Ownership } from "../5-ownership/owners.js";
import type { Region } from "../7-layout/regions.js";
import { sectionFlag } from "../elf/format.js";
import { type Kind, kindOfSection, kinds } from "../elf/kind.js";
import { findReplacementEdges } from "./realReferences.js";

export interface PlanColumns {
  /** Objects in link order, and how many of the units each has: units are in the order of their objects. */
  readonly objects: readonly string[];
  readonly unitsOf: readonly number[];
  /** Names for the numbers of the columns below. */
  readonly kinds: readonly Kind[];
  readonly roles: readonly Role[];
  readonly ownerSets: readonly (readonly string[])[];
  /** The reference kinds that `how` counts. */
  readonly referenceKinds: readonly (keyof typeof referenceKind)[];

  // Value i of each of these is unit i's.
  readonly section: readonly string[];
  readonly bytes: readonly number[];
  readonly kind: readonly number[];
  readonly role: readonly number[];
  /** Index into `ownerSets`; 0 is the empty set: resident. */
  readonly owners: readonly number[];
  /** 0: it stays; else 1 more than the index of its region in the plan. */
  readonly region: readonly number[];
  /** How many references of its own follow in `to` and `how`. */
  readonly referencesOf: readonly number[];

  /** Units whose bytes the linker merges with equal ones of other units. */
  readonly merged: readonly number[];

  /** The units referred to, each once for each kind, those of unit 0 first. */
  readonly to: readonly number[];
  readonly how: readonly number[];
}

/** The same in typed arrays, as there may be tens of millions of numbers; names are read when they are asked for. */
export type PackedColumns = Omit<PlanColumns, NumberColumn | "section"> & {
  readonly [Name in NumberColumn]: Uint8Array | Uint32Array;
} & { readonly section: { readonly length: number; at(unit: number): string } };

type NumberColumn =
  | "unitsOf"
  | "bytes"
  | "kind"
  | "role"
  | "owners"
  | "region"
  | "referencesOf"
  | "merged"
  | "to"
  | "how";

const referenceKinds = Object.keys(referenceKind) as (keyof typeof referenceKind)[];

export interface ColumnInputs {
  readonly graph: Graph;
  readonly roles: readonly Role[];
  readonly claims: Pick<Claims, "components">;
  readonly ownership: Ownership;
  readonly regions: readonly Region[];
}

export function packColumns({ graph, roles, claims, ownership, regions }: ColumnInputs): PackedColumns {
  const { sets, ownersByUnit } = ownership;
  const { unitCount } = graph;
  const regionByUnit = new Uint32Array(unitCount);
  regions.forEach(({ units }, index) => {
    for (const unit of units) regionByUnit[unit] = index + 1;
  });
  const roleNames = [...new Set(roles)].filter((role) => !keepsNothing.has(role)).sort();
  const roleNumbers = new Map(roleNames.map((role, number) => [role, number]));
  const ownerSets = new Map<OwnerSet, number>([[resident, 0]]);
  const numberOwners = (set: OwnerSet): number => {
    const known = ownerSets.get(set);
    if (known !== undefined) return known;
    ownerSets.set(set, ownerSets.size);
    return ownerSets.size - 1;
  };

  /** Number in the columns by number in the graph, and the other way round. */
  const columnOf = new Int32Array(unitCount).fill(-1);
  const unitAt = new Uint32Array(unitCount);
  const unitsOf = new Uint32Array(graph.objects.length);
  const bytes = new Uint32Array(unitCount);
  const kind = new Uint8Array(unitCount);
  const role = new Uint8Array(unitCount);
  const owners = new Uint32Array(unitCount);
  const region = new Uint32Array(unitCount);
  const merged = new Uint32Array(unitCount);
  let count = 0;
  let mergedCount = 0;
  for (let unit = 0; unit < unitCount; unit++) {
    const one = sectionOf(graph, unit);
    const { size } = one;
    if (size === 0 || keepsNothing.has(roles[unit]!)) continue;
    if (one.flags & sectionFlag.merge && regionByUnit[unit] === 0) merged[mergedCount++] = count;
    unitsOf[graph.unitObject[unit]!]!++;
    bytes[count] = size;
    kind[count] = kinds.indexOf(kindOfSection(one));
    role[count] = roleNumbers.get(roles[unit]!)!;
    owners[count] = numberOwners(ownersByUnit[unit]!);
    region[count] = regionByUnit[unit]!;
    unitAt[count] = unit;
    columnOf[unit] = count++;
  }
  return {
    objects: graph.objects.map(({ file }) => file),
    unitsOf,
    kinds,
    roles: roleNames,
    ownerSets: [...ownerSets.keys()].map((set) =>
      sets.members(set).map((owner) => claims.components[owner]!.name),
    ),
    referenceKinds,
    section: { length: count, at: (unit) => sectionOf(graph, unitAt[unit]!).name },
    bytes: bytes.subarray(0, count),
    kind: kind.subarray(0, count),
    role: role.subarray(0, count),
    owners: owners.subarray(0, count),
    region: region.subarray(0, count),
    merged: merged.subarray(0, mergedCount),
    ...collectReferences(graph, roles, columnOf, count),
  };
}

function collectReferences(graph: Graph, roles: readonly Role[], columnOf: Int32Array, count: number) {
  const { firstEdge, edgeTo, edgeKind, unitCount } = graph;
  const moved = findReplacementEdges(graph, roles);
  const referencesOf = new Uint32Array(count);
  const to = new Uint32Array(edgeTo.length);
  const how = new Uint8Array(edgeTo.length);
  let found = 0;
  /** By what is referred to and how, the last unit that was seen to do so. */
  const seenBy = new Int32Array(count * referenceKinds.length).fill(-1);
  const take = (unit: UnitId, edge: EdgeId) => {
    const target = edgeTo[edge]! < 0 ? -1 : columnOf[edgeTo[edge]!]!;
    if (target < 0 || edgeTo[edge] === unit) return;
    const key = target * referenceKinds.length + edgeKind[edge]!;
    if (seenBy[key] === unit) return;
    seenBy[key] = unit;
    to[found] = target;
    how[found++] = edgeKind[edge]!;
  };
  for (let unit = 0; unit < unitCount; unit++) {
    const column = columnOf[unit]!;
    if (column < 0) continue;
    const before = found;
    if (roles[unit] !== "patch")
      for (let edge = firstEdge[unit]!; edge < firstEdge[unit + 1]!; edge++) take(unit, edge);
    const others = moved.get(unit);
    if (others !== undefined) for (const edge of others) take(unit, edge);
    referencesOf[column] = found - before;
  }
  return { referencesOf, to: to.subarray(0, found), how: how.subarray(0, found) };
}

/** As `plan.json` has them. */
export function unpackColumns(packed: PackedColumns): PlanColumns {
  const { section } = packed;
  const numbers = (name: NumberColumn) => Array.from(packed[name]);
  return {
    ...packed,
    unitsOf: numbers("unitsOf"),
    section: Array.from({ length: section.length }, (_, unit) => section.at(unit)),
    bytes: numbers("bytes"),
    kind: numbers("kind"),
    role: numbers("role"),
    owners: numbers("owners"),
    region: numbers("region"),
    referencesOf: numbers("referencesOf"),
    merged: numbers("merged"),
    to: numbers("to"),
    how: numbers("how"),
  };
}
