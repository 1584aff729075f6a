// SPDX-License-Identifier: Apache-2.0
/** The columns of a plan as typed arrays, from which the report looks up its 200,000 units. */
import type { Role } from "../2-catalogue/sections.js";
import type { Kind } from "../elf/kind.js";
import { type Chains, chainTo } from "../plan/chain.js";
import { findOwnedChains, findResidentChains, type OwnedReferences } from "../plan/residents.js";
import type { ReportPlan } from "./packReport.js";

export interface Units extends OwnedReferences {
  readonly plan: ReportPlan;
  /** Index of a unit's object. */
  readonly object: Uint32Array;
  /** References to unit u: the edges into[firstInto[u]] up to into[firstInto[u + 1]]. */
  readonly firstInto: Uint32Array;
  readonly into: Uint32Array;
  /** The unit each edge belongs to. */
  readonly edgeFrom: Uint32Array;
  /** The manifest's rule by unit, for those that one names. */
  readonly rules: ReadonlyMap<number, string>;
  /** Units whose bytes the linker merges with others'. */
  readonly merged: ReadonlySet<number>;
}

export function readUnits(plan: ReportPlan): Units {
  const { columns } = plan;
  const unitCount = columns.section.length;
  const object = new Uint32Array(unitCount);
  let unit = 0;
  Array.from(columns.unitsOf).forEach((count, index) => {
    object.fill(index, unit, unit + count);
    unit += count;
  });
  const edgeTo = Uint32Array.from(columns.to);
  const firstEdge = new Uint32Array(unitCount + 1);
  for (let at = 0; at < unitCount; at++) firstEdge[at + 1] = firstEdge[at]! + columns.referencesOf[at]!;

  const rules = new Map<number, string>();
  let owned = 0;
  for (let at = 0; at < unitCount; at++) {
    if (columns.owners[at] === 0) continue;
    const rule = plan.units[owned++]?.rule;
    if (rule !== undefined) rules.set(at, rule);
  }
  let backwards: Backwards | undefined;
  const readBackwards = () => {
    backwards ??= turnRound(unitCount, firstEdge, edgeTo);
    return backwards;
  };
  return {
    plan,
    unitCount,
    object,
    firstEdge,
    edgeTo,
    edgeKind: columns.how,
    roles: Array.from(columns.role, (role) => columns.roles[role]!),
    isOwned: (at) => columns.owners[at] !== 0,
    // Not before somebody asks who refers to a unit.
    get edgeFrom() {
      return readBackwards().edgeFrom;
    },
    get firstInto() {
      return readBackwards().firstInto;
    },
    get into() {
      return readBackwards().into;
    },
    rules,
    merged: new Set(columns.merged),
  };
}

type Backwards = Pick<Units, "edgeFrom" | "firstInto" | "into">;

function turnRound(unitCount: number, firstEdge: Uint32Array, edgeTo: Uint32Array): Backwards {
  const edgeFrom = new Uint32Array(edgeTo.length);
  for (let from = 0; from < unitCount; from++) edgeFrom.fill(from, firstEdge[from], firstEdge[from + 1]);
  const firstInto = new Uint32Array(unitCount + 1);
  for (const to of edgeTo) firstInto[to + 1]!++;
  for (let at = 0; at < unitCount; at++) firstInto[at + 1]! += firstInto[at]!;
  const next = firstInto.slice();
  const into = new Uint32Array(edgeTo.length);
  for (let edge = 0; edge < edgeTo.length; edge++) into[next[edgeTo[edge]!]!++] = edge;
  return { edgeFrom, firstInto, into };
}

export const kindOf = ({ plan: { columns } }: Units, unit: number): Kind =>
  columns.kinds[columns.kind[unit]!]!;
export const roleOf = ({ roles }: Units, unit: number): Role => roles[unit]!;
export const ownersOf = ({ plan: { columns } }: Units, unit: number): readonly string[] =>
  columns.ownerSets[columns.owners[unit]!]!;
export const objectOf = ({ plan: { columns }, object }: Units, unit: number): string =>
  columns.objects[object[unit]!]!;
export const sectionOf = ({ plan: { columns } }: Units, unit: number): string => columns.section.at(unit)!;

/** `drivers/iommu/amd/init.o:(.text.foo)`: what names a unit in links and everywhere else. */
export const unitKey = (units: Units, unit: number) => `${objectOf(units, unit)}:(${sectionOf(units, unit)})`;

/** The name for people: `foo` for `.text.foo`, object and section if it holds more than one thing. */
export function unitName(units: Units, unit: number): string {
  const section = sectionOf(units, unit);
  return (
    /^\.(?:text|rodata|data|bss)\.(?:(?:unlikely|hot)\.)?([_a-zA-Z].*)$/.exec(section)?.[1] ??
    `${objectOf(units, unit).replace(/^.*\//, "")} ${section}`
  );
}

/** The unit of a key, or of a name if no other has it first. */
export function findUnit(units: Units, text: string): number | undefined {
  const split = /^(.*):\((.*)\)$/.exec(text);
  const { columns } = units.plan;
  if (split !== null) {
    const object = columns.objects.indexOf(split[1]!);
    for (let unit = 0; unit < units.unitCount; unit++)
      if (units.object[unit] === object && columns.section.at(unit) === split[2]) return unit;
    return undefined;
  }
  for (let unit = 0; unit < units.unitCount; unit++) if (unitName(units, unit) === text) return unit;
  return undefined;
}

export interface Keeper {
  /** The units from the root to the given unit; only that unit if there is no chain. */
  chainOf(unit: number): { readonly edges: readonly number[]; readonly isOwn: boolean };
}

/** Searches on first use: many reports are never asked for chains. */
export function createKeeper(units: Units): Keeper {
  let residents: Chains | undefined;
  let helpers: Chains | undefined;
  return {
    chainOf(unit) {
      residents ??= findResidentChains(units);
      const edges = chainTo(residents, unit);
      if (edges.length > 0 || !units.isOwned(unit)) return { edges, isOwn: false };
      helpers ??= findOwnedChains(units, (one) => units.rules.has(one));
      return { edges: chainTo(helpers, unit), isOwn: true };
    },
  };
}
