// SPDX-License-Identifier: Apache-2.0
/**
 * Decides what may leave, and draws the boundary between it and the rest.
 *
 * Starts from everything that has owners, and examines each reference into it from the outside, that is from units that may
 * outlive it:
 *
 * - a reference to the start of a function goes through a gate;
 * - a reference to data pins the data, which stays, unless init code only reads or writes data that holds no addresses;
 * - any other reference, and one that a gate cannot serve, refuses the components that own the target.
 *
 * Units that then stay are outside as well, so their references are examined again, until no further unit stays. Each reference is
 * examined at most twice.
 */

import {
  describeEdge,
  type EdgeId,
  edgesInto,
  type Graph,
  type IncomingEdges,
  indexIncoming,
  referenceKind,
  sectionOf,
  sourceOf,
  type UnitId,
} from "../1-graph/graph.js";
import { keepsNothing } from "../2-catalogue/keeping.js";
import { resident } from "../5-ownership/ownerSets.js";
import { type Kind, kindOfSection } from "../elf/kind.js";
import { findRealSources } from "./alternatives.js";
import { distanceBeside } from "./beside.js";
import { type FunctionFinder, findAssembly, findFunctions } from "./functions.js";
import { exportRule, findAnswer, type Gate, makeGates } from "./gates.js";
import { createLeaving, type SmallGroup } from "./leaving.js";
import type { Partition } from "./partition.js";
import { findRegistrations, type Registrations } from "./registrations.js";
import { findRowCode } from "./rows.js";

export type RefusalReason =
  | "inside-function"
  | "assembly"
  | "no-gate"
  | "unknown-section"
  | "read-as-data"
  | "exported"
  | "unanswered";

export interface Refusal {
  readonly component: number;
  readonly reason: RefusalReason;
  /** The reference at fault; the first of them where there are several. */
  readonly edge: EdgeId;
  /** If the reason is `unanswered`: every function that has no answer. */
  readonly unanswered: readonly string[];
}

export interface Pin {
  readonly unit: UnitId;
  readonly edge: EdgeId;
}

export interface Boundary {
  /** 1: the unit leaves the machine's memory when its owners leave. */
  readonly isLeaving: Uint8Array;
  readonly gates: readonly Gate[];
  readonly pins: readonly Pin[];
  readonly refusals: readonly Refusal[];
  /** References of init code into units that leave, which are not crossings only because a manifest's `registers` allows them. */
  readonly allowances: readonly EdgeId[];
  /** Groups of units that stay because they would not fill enough of a page. */
  readonly tooSmall: readonly SmallGroup[];
}

export interface BoundaryOptions {
  /** A region of fewer bytes stays resident. The components are those that leave together. */
  readonly leastBytes: (kind: Kind, components: readonly number[]) => number;
}

/** A reference from the outside, and what is to be done about it. */
type Crossing =
  | { readonly does: "gate"; readonly offset: number }
  | { readonly does: "pin" }
  | { readonly does: "refuse"; readonly reason: RefusalReason };

export function drawBoundary(partition: Partition, options: BoundaryOptions): Boundary {
  const { graph, roles, claims, ownership } = partition;
  const { sets, ownersByUnit } = ownership;
  const incoming = indexIncoming(graph);
  const candidates: UnitId[] = [];
  for (let unit = 0; unit < graph.unitCount; unit++)
    if (ownersByUnit[unit] !== resident && roles[unit] === "plain" && sectionOf(graph, unit).size > 0)
      candidates.push(unit);
  const isCandidate = new Set(candidates);
  const functions = findFunctions(graph, (unit) => isCandidate.has(unit));
  const realSourceOf = findRealSources(graph, roles);
  const mayRegister = findRegistrations(graph, roles, claims, ownership);
  // All of a built-in module leaves, however little: init code registers small structures, and if they stayed they would need
  // gates. Zeros refer to nothing, and a few of them may stay.
  const leaving = createLeaving(graph, ownership, candidates, (kind, components) =>
    kind !== "bss" && components.every((one) => claims.components[one]!.automatic !== undefined)
      ? 1
      : options.leastBytes(kind, components),
  );
  const { isLeaving } = leaving;
  const allowed: EdgeId[] = [];
  const judge = judgeOf(partition, {
    ...{ isLeaving, functions, realSourceOf, mayRegister },
    allow: (edge) => allowed.push(edge),
  });
  const refused = new Map<number, Refusal & { readonly unanswered: string[] }>();
  const pinned = new Map<UnitId, Pin>();
  /** By unit and offset. */
  const crossings = new Map<UnitId, Map<number, Set<EdgeId>>>();
  const refuse = (unit: UnitId, reason: RefusalReason, edge: EdgeId) => {
    for (const component of sets.members(ownersByUnit[unit]!))
      if (!refused.has(component)) refused.set(component, { component, reason, edge, unanswered: [] });
  };
  /** Collected, so that the author of a manifest sees all of them at once. */
  const refuseUnanswered = (unit: UnitId, edge: EdgeId, name: string) => {
    refuse(unit, "unanswered", edge);
    for (const component of sets.members(ownersByUnit[unit]!)) {
      const refusal = refused.get(component)!;
      if (refusal.reason === "unanswered") refusal.unanswered.push(name);
    }
  };

  leaving.settle();
  let attributed: ReadonlyMap<UnitId, readonly EdgeId[]> | undefined;
  let edges = candidates.flatMap((unit) => (isLeaving[unit] ? [...edgesInto(incoming, unit)] : []));
  while (edges.length > 0) {
    const fresh: { unit: UnitId; offset: number; edge: EdgeId }[] = [];
    const pins: UnitId[] = [];
    const refusals = refused.size;
    for (const edge of edges) {
      const unit = graph.edgeTo[edge]!;
      const crossing = judge(edge);
      if (crossing === undefined) continue;
      if (crossing.does === "refuse") refuse(unit, crossing.reason, edge);
      else if (crossing.does === "pin") {
        pinned.set(unit, { unit, edge });
        pins.push(unit);
      } else {
        const { offset } = crossing;
        const byOffset = crossings.get(unit) ?? new Map<number, Set<EdgeId>>();
        crossings.set(unit, byOffset);
        const known = byOffset.get(offset);
        if (known === undefined) fresh.push({ unit, offset, edge });
        byOffset.set(offset, (known ?? new Set()).add(edge));
      }
    }
    // A unit that stays needs no gate, and no answer.
    pins.forEach(leaving.keep);
    for (const { unit, offset, edge } of fresh.sort((a, b) => a.unit - b.unit || a.offset - b.offset)) {
      const { name } = functions.at(unit, offset)!;
      if (isLeaving[unit] && findAnswer(partition, unit, name) === undefined)
        refuseUnanswered(unit, edge, name);
    }
    for (const component of [...refused.keys()].slice(refusals)) leaving.keepComponent(component);
    const stayed = leaving.settle();
    if (stayed.length === 0) break;
    for (const unit of stayed) crossings.delete(unit);
    attributed ??= attributeEdges(partition, incoming, candidates, realSourceOf);
    edges = edgesOf(graph, stayed, attributed, isLeaving);
  }
  const gates = makeGates(partition, incoming, functions, crossings);
  const gated = new Set(gates.flatMap(({ references }) => references));
  return {
    isLeaving,
    gates,
    pins: [...pinned.values()],
    refusals: [...refused.values()],
    allowances: [...new Set(allowed)]
      .filter((edge) => isLeaving[graph.edgeTo[edge]!] && !gated.has(edge))
      .sort((a, b) => a - b),
    tooSmall: leaving.small.filter(({ owners }) => !sets.members(owners).some((one) => refused.has(one))),
  };
}

/**
 * References from what has turned out to stay, into what leaves: those of the units themselves, and those that count as
 * theirs. In the order of what they lead to.
 */
function edgesOf(
  graph: Graph,
  stayed: readonly UnitId[],
  attributed: ReadonlyMap<UnitId, readonly EdgeId[]>,
  isLeaving: Uint8Array,
): EdgeId[] {
  const found = new Set<EdgeId>();
  for (const unit of stayed) {
    for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++) found.add(edge);
    for (const edge of attributed.get(unit) ?? []) found.add(edge);
  }
  return [...found]
    .filter((edge) => graph.edgeTo[edge]! >= 0 && isLeaving[graph.edgeTo[edge]!])
    .sort((a, b) => graph.edgeTo[a]! - graph.edgeTo[b]! || a - b);
}

/** References that lie elsewhere than in the code that they are judged by: in replacements of it, in tables about it. */
function attributeEdges(
  { graph, roles }: Partition,
  incoming: IncomingEdges,
  candidates: readonly UnitId[],
  realSourceOf: (edge: EdgeId) => UnitId,
): ReadonlyMap<UnitId, readonly EdgeId[]> {
  const byUnit = new Map<UnitId, EdgeId[]>();
  for (const unit of candidates)
    for (const edge of edgesInto(incoming, unit)) {
      const from = realSourceOf(edge);
      const code = roles[from] === "describes" ? findRowCode(graph, edge) : from;
      if (code === undefined || code === sourceOf(graph, edge)) continue;
      const known = byUnit.get(code) ?? [];
      byUnit.set(code, known);
      known.push(edge);
    }
  return byUnit;
}

/** Decides what a reference into a leaving unit is; undefined: no crossing. */
function judgeOf(
  { graph, roles, claims, ownership }: Partition,
  {
    isLeaving,
    functions,
    realSourceOf,
    mayRegister,
    allow,
  }: {
    mayRegister: Registrations;
    allow: (edge: EdgeId) => void;
    isLeaving: Uint8Array;
    functions: FunctionFinder;
    realSourceOf: (edge: EdgeId) => UnitId;
  },
): (edge: EdgeId) => Crossing | undefined {
  const { sets, ownersByUnit, leavesWithByUnit } = ownership;
  const isAssembly = findAssembly(graph);
  const refuse = (reason: RefusalReason): Crossing => ({ does: "refuse", reason });
  const leavesNoLater = (from: UnitId, to: UnitId) =>
    isLeaving[from] === 1 && sets.isSubset(leavesWithByUnit[from]!, leavesWithByUnit[to]!);
  const known = new Map<UnitId, boolean>();
  /** As it was when first asked: less leaves later on, and what was pinned stays pinned. */
  const holdsAddresses = (unit: UnitId) => {
    let holds = known.get(unit) ?? false;
    if (known.has(unit)) return holds;
    for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]! && !holds; edge++)
      holds = graph.edgeTo[edge]! >= 0 && isLeaving[graph.edgeTo[edge]!] === 1;
    known.set(unit, holds);
    return holds;
  };
  /** The statement of a table about code is used when that code runs; after boot, never for init code. */
  const judgeRow = (code: UnitId | undefined, to: UnitId): Crossing | undefined =>
    code !== undefined && (roles[code] === "init" || leavesNoLater(code, to)) ? undefined : { does: "pin" };

  return (edge) => {
    const from = realSourceOf(edge);
    const to = graph.edgeTo[edge]!;
    const kind = graph.edgeKind[edge]!;
    const role = roles[from]!;
    const isText = kindOfSection(sectionOf(graph, to)) === "text";
    if (role === "describes" && !isText) return judgeRow(findRowCode(graph, edge), to);
    if (keepsNothing.has(role)) return undefined;
    if (role === "unknown") return refuse("unknown-section");
    // Such an address lies in a unit by chance; the proof of the image knows its meaning only for data that stays.
    if (!isText && distanceBeside(graph, edge) > 0) return { does: "pin" };
    if (leavesNoLater(from, to)) return undefined;
    if (role === "init") {
      if (kind === referenceKind.branch) return undefined;
      // It reads and writes before anything leaves; but it may keep an address that it reads.
      if (kind === referenceKind.data && !isText && !holdsAddresses(to)) return undefined;
      // Replacement code has no name that a claim could contain.
      if (from === sourceOf(graph, edge) && mayRegister(edge)) {
        allow(edge);
        return undefined;
      }
    }
    if (!isText) return { does: "pin" };
    if (kind === referenceKind.data) return refuse("read-as-data");
    if (role === "exports" && exportRule(claims, sets.members(ownersByUnit[to]!)) === "keep")
      return refuse("exported");
    if (kind === referenceKind.branch && role === "no-gate") return refuse("no-gate");
    if (isAssembly(to)) return refuse("assembly");
    // Within a translation unit the compiler may have used what it knows of the function: which registers it
    // leaves alone, which values it returns. A gate keeps to the calling convention only, so the function stays.
    if (kind === referenceKind.branch && graph.unitObject[from] === graph.unitObject[to])
      return { does: "pin" };
    if (kind === referenceKind.branch && role === "plain" && isAssembly(from)) return refuse("assembly");
    const { targetOffset } = describeEdge(graph, edge);
    if (functions.at(to, targetOffset) === undefined) return refuse("inside-function");
    return { does: "gate", offset: targetOffset };
  };
}
