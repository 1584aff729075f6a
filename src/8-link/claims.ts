// SPDX-License-Identifier: Apache-2.0
/** Writes the input of the proof (`claims.json`): names, sections, counts. */

import { describeEdge, type EdgeId, type Graph, objectOf, sectionOf, type UnitId } from "../1-graph/graph.js";
import type { Component } from "../3-component/component.js";
import type { Boundary } from "../6-boundary/boundary.js";
import type { Region } from "../7-layout/regions.js";
import {
  type Allowance,
  type Claims,
  claimsVersion,
  edgesOfRegion,
  nameInSource,
  type VerifiedRegion,
} from "../9-verify/claims.js";
import { symbolType } from "../elf/format.js";
import type { ElfImage } from "../elf/image.js";
import { type ElfObject, symbolName, symbolsOf } from "../elf/object.js";
import { pageSize } from "../x86/x86.js";
import { placeTables, tableKind } from "./tables.js";

export interface ClaimInputs {
  readonly graph: Graph;
  readonly components: readonly Component[];
  readonly boundary: Boundary;
  readonly regions: readonly Region[];
}

/** Without the padding and the size of tables, which the final link finds. */
export function describeClaims({ graph, components, boundary, regions }: ClaimInputs): Claims {
  return {
    version: claimsVersion,
    regions: insertTables(
      regions.map(({ name, kind, pages, owners }) => ({
        ...{ name, kind, pages },
        owners: owners.map((owner) => components[owner]!.name),
      })),
      placeTables(components).map(({ name, owner, readers }) => ({
        ...{ name, kind: tableKind, pages: 1 },
        owners: [components[owner]!.name],
        readers: namesOfReaders(graph, new Set(readers)),
      })),
    ),
    padding: [],
    allowances: describeAllowances(graph, boundary.allowances, regions),
  };
}

/** Where the kernel's own table of regions has them. */
function insertTables(regions: readonly VerifiedRegion[], tables: readonly VerifiedRegion[]) {
  const behind = regions.findLastIndex(({ kind }) => ["text", tableKind].includes(kind)) + 1;
  return [...regions.slice(0, behind), ...tables, ...regions.slice(behind)];
}

/** Functions of these files, as the source has them. A name that others have too (`s_show`) would speak for theirs. */
export function namesOfReaders({ objects }: Graph, files: ReadonlySet<string>): readonly string[] {
  const names = new Set(objects.filter(({ file }) => files.has(file)).flatMap(functionNames));
  for (const object of objects)
    if (!files.has(object.file)) for (const name of functionNames(object)) names.delete(name);
  return [...names].sort();
}

function functionNames(object: ElfObject): string[] {
  const { type, sectionIndex } = object.symbols;
  return [...symbolsOf(object)]
    .filter((symbol) => type[symbol] === symbolType.function && sectionIndex[symbol] !== 0)
    .map((symbol) => nameInSource(symbolName(object, symbol)));
}

/** The claims when the kernel has been linked: what is known only now is the size of tables. */
export function measureTables(
  regions: readonly VerifiedRegion[],
  image: ElfImage,
): readonly VerifiedRegion[] {
  if (regions.every(({ readers }) => readers === undefined)) return regions;
  const addresses = new Map(
    [...symbolsOf(image)].map((symbol) => [symbolName(image, symbol), image.symbolAddress[symbol]!] as const),
  );
  return regions.map((region) => {
    const [start, end] = edgesOfRegion(region).map((name) => addresses.get(name) ?? Number.NaN);
    const pages = (end! - start!) / pageSize;
    return region.readers === undefined || !(pages > 0) ? region : { ...region, pages };
  });
}

function describeAllowances(
  graph: Graph,
  edges: readonly EdgeId[],
  regions: readonly Region[],
): readonly Allowance[] {
  const regionByUnit = new Map(
    regions.flatMap(({ name, units }) => units.map((unit) => [unit, name] as const)),
  );
  const nameIn = nameFinder(graph);
  const counted = new Map<string, Allowance>();
  for (const edge of edges) {
    const { from, offset, to, targetOffset } = describeEdge(graph, edge);
    const ends = {
      section: sectionOf(graph, from).name,
      from: nameIn(from, offset),
      region: regionByUnit.get(to)!,
      // A pointer just outside of an object means it.
      to: nameIn(to, Math.min(Math.max(targetOffset, 0), sectionOf(graph, to).size - 1)),
    };
    const key = JSON.stringify(ends);
    counted.set(key, { ...ends, count: (counted.get(key)?.count ?? 0) + 1 });
  }
  return [...counted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, allowance]) => allowance);
}

interface Named {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Names of functions and objects by unit and offset; "" where there is none. */
function nameFinder(graph: Graph): (unit: UnitId, offset: number) => string {
  const byObject = new Map<number, ReadonlyMap<number, readonly Named[]>>();
  return (unit, offset) => {
    const index = graph.unitObject[unit]!;
    const bySection = byObject.get(index) ?? collectNames(graph, unit);
    byObject.set(index, bySection);
    let found: Named | undefined;
    for (const one of bySection.get(graph.unitSection[unit]!) ?? [])
      if (one.start <= offset && offset < one.end && (found === undefined || isBetter(one, found)))
        found = one;
    return found?.name ?? "";
  };
}

/** The innermost, and of several names for the same the first of the alphabet. */
const isBetter = (a: Named, b: Named) =>
  a.start !== b.start ? a.start > b.start : a.end !== b.end ? a.end > b.end : a.name < b.name;

function collectNames(graph: Graph, unit: UnitId): ReadonlyMap<number, readonly Named[]> {
  const object = objectOf(graph, unit);
  const base = graph.symbolBase[graph.unitObject[unit]!]!;
  const { symbols } = object;
  const bySection = new Map<number, Named[]>();
  for (const symbol of symbolsOf(object)) {
    const type = symbols.type[symbol];
    if (type !== symbolType.function && type !== symbolType.object) continue;
    // A weak one that lost has a name that means another.
    if (graph.definition[base + symbol] !== base + symbol) continue;
    const section = symbols.sectionIndex[symbol]!;
    const start = symbols.value[symbol]!;
    const known = bySection.get(section) ?? [];
    bySection.set(section, known);
    known.push({ name: symbolName(object, symbol), start, end: start + symbols.size[symbol]! });
  }
  return bySection;
}
