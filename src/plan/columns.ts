// SPDX-License-Identifier: Apache-2.0
/**
 * Every unit of a link and what refers to what, in columns: a kernel of 200,000 units is then a few megabytes of
 * JSON. Left out is what has no bytes, and what keeps nothing: tables that only describe code, and what leaves no
 * bytes in the kernel.
 */
import { type Kind, kindOfSection, type Role } from "../catalogue/sections.js";
import { findReplacementEdges } from "../chains/realReferences.js";
import { sectionFlag } from "../elf/format.js";
import { type EdgeId, type Graph, referenceKind, sectionOf, type UnitId } from "../graph/graph.js";
import type { Region } from "../layout/regions.js";
import { type OwnerSet, resident } from "../ownership/ownerSets.js";
import { keepsNothing, type Ownership } from "../ownership/owners.js";

export interface PlanColumns {
  /** Objects in link order, and how many of the units each has: units are in the order of their objects. */
  readonly objects: readonly string[];
  readonly unitsOf: readonly number[];
  /** What the numbers of the columns below stand for. */
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

const kinds: readonly Kind[] = ["text", "rodata", "data", "bss"];
const referenceKinds = Object.keys(referenceKind) as (keyof typeof referenceKind)[];

export interface ColumnInputs {
  readonly graph: Graph;
  readonly roles: readonly Role[];
  readonly ownership: Ownership;
  readonly regions: readonly Region[];
  /** Names of a set of components. */
  readonly nameOwners: (owners: readonly number[]) => readonly string[];
}

export function makeColumns({ graph, roles, ownership, regions, nameOwners }: ColumnInputs): PlanColumns {
  const { sets, ownersByUnit } = ownership;
  const regionByUnit = new Map<UnitId, number>();
  regions.forEach(({ units }, index) => {
    for (const unit of units) regionByUnit.set(unit, index + 1);
  });
  const roleNames = [...new Set(roles)].filter((role) => !keepsNothing.has(role)).sort();
  const ownerSets = [resident];
  const numberOwners = (set: OwnerSet): number => {
    const known = ownerSets.indexOf(set);
    return known >= 0 ? known : ownerSets.push(set) - 1;
  };

  /** Number in the columns by number in the graph. */
  const columnOf = new Int32Array(graph.unitCount).fill(-1);
  const unitsOf = graph.objects.map(() => 0);
  const section: string[] = [];
  const rows = { bytes: [], kind: [], role: [], owners: [], region: [], merged: [] } as Record<
    "bytes" | "kind" | "role" | "owners" | "region" | "merged",
    number[]
  >;
  for (let unit = 0; unit < graph.unitCount; unit++) {
    const one = sectionOf(graph, unit);
    if (one.size === 0 || keepsNothing.has(roles[unit]!)) continue;
    const region = regionByUnit.get(unit) ?? 0;
    const owners = ownersByUnit[unit]!;
    if (one.flags & sectionFlag.merge && region === 0) rows.merged.push(section.length);
    columnOf[unit] = section.length;
    unitsOf[graph.unitObject[unit]!]!++;
    section.push(one.name);
    rows.bytes.push(one.size);
    rows.kind.push(kinds.indexOf(kindOfSection(one)));
    rows.role.push(roleNames.indexOf(roles[unit]!));
    rows.owners.push(owners === resident ? 0 : numberOwners(owners));
    rows.region.push(region);
  }
  return {
    objects: graph.objects.map(({ file }) => file),
    unitsOf,
    kinds,
    roles: roleNames,
    ownerSets: ownerSets.map((set) => nameOwners(sets.members(set))),
    referenceKinds,
    section,
    ...rows,
    ...collectReferences(graph, roles, columnOf, section.length),
  };
}

function collectReferences(graph: Graph, roles: readonly Role[], columnOf: Int32Array, count: number) {
  const { firstEdge, edgeTo, edgeKind, unitCount } = graph;
  const moved = findReplacementEdges(graph, roles);
  const referencesOf: number[] = [];
  const to: number[] = [];
  const how: number[] = [];
  /** By what is referred to and how, the last unit that was seen to do so. */
  const seenBy = new Int32Array(count * referenceKinds.length).fill(-1);
  const take = (unit: UnitId, edge: EdgeId) => {
    const target = edgeTo[edge]! < 0 ? -1 : columnOf[edgeTo[edge]!]!;
    if (target < 0 || edgeTo[edge] === unit) return;
    const key = target * referenceKinds.length + edgeKind[edge]!;
    if (seenBy[key] === unit) return;
    seenBy[key] = unit;
    to.push(target);
    how.push(edgeKind[edge]!);
  };
  for (let unit = 0; unit < unitCount; unit++) {
    if (columnOf[unit]! < 0) continue;
    const before = to.length;
    if (roles[unit] !== "patch")
      for (let edge = firstEdge[unit]!; edge < firstEdge[unit + 1]!; edge++) take(unit, edge);
    const others = moved.get(unit);
    if (others !== undefined) for (const edge of others) take(unit, edge);
    referencesOf.push(to.length - before);
  }
  return { referencesOf, to, how };
}
