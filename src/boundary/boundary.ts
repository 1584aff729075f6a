// SPDX-License-Identifier: Apache-2.0
/**
 * What may leave, and what stands between it and the rest.
 *
 * Starts from everything that has owners, and looks at each reference into it
 * from the outside, that is from what may outlive it. To the start of a function: the reference is to go
 * through a gate. To data: the data is pinned and stays, unless init code only reads or writes what holds no
 * addresses. Anything else, and anything that a gate cannot serve: the components that own the target are refused. What stays makes new crossings, so this is repeated
 * until nothing changes; each round removes a component, a pin or a region, so it ends.
 */
import type { Role } from "../catalogue/sections.js";
import { type Kind, kindOfSection } from "../catalogue/sections.js";
import { answerFor } from "../component/answer.js";
import type { Claims } from "../component/claim.js";
import type { ExportRule, GateAnswer } from "../component/component.js";
import { symbolName } from "../elf/object.js";
import {
  describeEdge,
  type EdgeId,
  type Graph,
  type IncomingEdges,
  indexIncoming,
  objectOf,
  referenceKind,
  sectionOf,
  sourceOf,
  type UnitId,
} from "../graph/graph.js";
import { type OwnerSet, resident } from "../ownership/ownerSets.js";
import { keepsNothing, type Ownership } from "../ownership/owners.js";
import { findRealSources } from "./alternatives.js";
import { type FunctionFinder, type FunctionSymbol, findAssembly, findFunctions } from "./functions.js";
import { findRegistrations, type Registrations } from "./registrations.js";
import { findRowCode } from "./rows.js";

export interface Gate {
  /** Symbol of the gate itself. */
  readonly gateSymbol: string;
  readonly target: FunctionSymbol;
  readonly unit: UnitId;
  readonly answer: GateAnswer;
  /** Calls are nothing to warn of. */
  readonly isExpected: boolean;
  /** Every crossing that made it necessary. */
  readonly crossings: readonly EdgeId[];
  /** References that are to be aimed at the gate: the crossings, and whatever else takes the function's address. */
  readonly references: readonly EdgeId[];
  /** Names under which modules may use it. */
  readonly exports: readonly string[];
  /** Once the function is gone, a module that uses it under one of these names is not loaded. */
  readonly refusesModules: boolean;
}

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
  /** Of an `unanswered` one: every function that has no answer. */
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
  /** Groups of units that stay because they would not fill enough of a page. */
  readonly tooSmall: readonly { readonly kind: Kind; readonly owners: OwnerSet; readonly bytes: number }[];
}

export interface BoundaryOptions {
  /** A region of fewer bytes stays resident. */
  readonly leastBytes: number;
}

export interface Partition {
  readonly graph: Graph;
  readonly roles: readonly Role[];
  readonly claims: Claims;
  readonly ownership: Ownership;
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
  const mayRegister = findRegistrations(graph, claims, ownership);
  const refused = new Map<number, Refusal>();
  const pinned = new Map<UnitId, Pin>();
  for (;;) {
    const { isLeaving, tooSmall } = chooseLeaving(partition, options, candidates, refused, pinned);
    const judge = judgeOf(partition, { isLeaving, functions, realSourceOf, mayRegister });
    const before = refused.size + pinned.size;
    const refuse = (unit: UnitId, reason: RefusalReason, edge: EdgeId) => {
      for (const component of sets.members(ownersByUnit[unit]!))
        if (!refused.has(component)) refused.set(component, { component, reason, edge, unanswered: [] });
    };
    /** Whoever writes a manifest wants to hear of all of them at once. */
    const refuseUnanswered = (unit: UnitId, edge: EdgeId, name: string) => {
      refuse(unit, "unanswered", edge);
      for (const component of sets.members(ownersByUnit[unit]!)) {
        const refusal = refused.get(component)!;
        if (refusal.reason === "unanswered")
          refused.set(component, { ...refusal, unanswered: [...refusal.unanswered, name] });
      }
    };
    const crossings = new Map<UnitId, Map<number, EdgeId[]>>();
    for (const unit of candidates) {
      if (!isLeaving[unit]) continue;
      for (const edge of edgesInto(incoming, unit)) {
        const crossing = judge(edge);
        if (crossing === undefined) continue;
        if (crossing.does === "refuse") refuse(unit, crossing.reason, edge);
        else if (crossing.does === "pin") pinned.set(unit, { unit, edge });
        else {
          const byOffset = crossings.get(unit) ?? new Map<number, EdgeId[]>();
          crossings.set(unit, byOffset);
          const edges = byOffset.get(crossing.offset) ?? [];
          byOffset.set(crossing.offset, edges);
          edges.push(edge);
        }
      }
    }
    // What stays needs no gate, and no answer.
    for (const unit of pinned.keys()) crossings.delete(unit);
    const gates = makeGates(partition, incoming, functions, crossings, refuseUnanswered);
    if (refused.size + pinned.size > before) continue;
    return { isLeaving, gates, pins: [...pinned.values()], refusals: [...refused.values()], tooSmall };
  }
}

export function* edgesInto({ first, edges }: IncomingEdges, unit: UnitId): Generator<EdgeId> {
  for (let index = first[unit]!; index < first[unit + 1]!; index++) yield edges[index]!;
}

function chooseLeaving(
  { graph, ownership }: Partition,
  { leastBytes }: BoundaryOptions,
  candidates: readonly UnitId[],
  refused: ReadonlyMap<number, Refusal>,
  pinned: ReadonlyMap<UnitId, Pin>,
) {
  const { sets, ownersByUnit } = ownership;
  const groups = new Map<string, { kind: Kind; owners: OwnerSet; bytes: number; units: UnitId[] }>();
  for (const unit of candidates) {
    const owners = ownersByUnit[unit]!;
    if (pinned.has(unit) || sets.members(owners).some((component) => refused.has(component))) continue;
    const section = sectionOf(graph, unit);
    const kind = kindOfSection(section);
    const key = `${kind} ${owners}`;
    const group = groups.get(key) ?? { kind, owners, bytes: 0, units: [] };
    groups.set(key, group);
    group.bytes += section.size;
    group.units.push(unit);
  }
  const isLeaving = new Uint8Array(graph.unitCount);
  const tooSmall: { kind: Kind; owners: OwnerSet; bytes: number }[] = [];
  for (const { kind, owners, bytes, units } of groups.values())
    if (bytes < leastBytes) tooSmall.push({ kind, owners, bytes });
    else for (const unit of units) isLeaving[unit] = 1;
  return { isLeaving, tooSmall };
}

/** Decides what a reference into a leaving unit is; undefined: no crossing. */
function judgeOf(
  { graph, roles, claims, ownership }: Partition,
  {
    isLeaving,
    functions,
    realSourceOf,
    mayRegister,
  }: {
    mayRegister: Registrations;
    isLeaving: Uint8Array;
    functions: FunctionFinder;
    realSourceOf: (edge: EdgeId) => UnitId;
  },
): (edge: EdgeId) => Crossing | undefined {
  const { sets, ownersByUnit } = ownership;
  const isAssembly = findAssembly(graph);
  const refuse = (reason: RefusalReason): Crossing => ({ does: "refuse", reason });
  const leavesNoLater = (from: UnitId, to: UnitId) =>
    isLeaving[from] === 1 && sets.isSubset(ownersByUnit[from]!, ownersByUnit[to]!);
  const holdsAddresses = (unit: UnitId) => {
    for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++)
      if (graph.edgeTo[edge]! >= 0 && isLeaving[graph.edgeTo[edge]!]) return true;
    return false;
  };
  /** What a table says of code is used when that code runs; of init code never again. */
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
    if (leavesNoLater(from, to)) return undefined;
    if (role === "init") {
      if (kind === referenceKind.branch) return undefined;
      // What it reads or writes it does before anything leaves; an address that it reads it may keep.
      if (kind === referenceKind.data && !isText && !holdsAddresses(to)) return undefined;
      if (mayRegister(graph.unitObject[from]!, to)) return undefined;
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

/** The strictest rule of all owners: what leaves with several may be relied on through any of them. */
function exportRule(claims: Claims, members: readonly number[]): ExportRule {
  const rules = members.map((member) => claims.components[member]!.exports);
  return (["keep", "refuse"] as const).find((rule) => rules.includes(rule)) ?? "gate";
}

function makeGates(
  { graph, roles, claims, ownership }: Partition,
  incoming: IncomingEdges,
  functions: FunctionFinder,
  crossings: ReadonlyMap<UnitId, ReadonlyMap<number, readonly EdgeId[]>>,
  unanswered: (unit: UnitId, edge: EdgeId, name: string) => void,
): Gate[] {
  const gates: Gate[] = [];
  const taken = new Map([["jettison_gate_calls", 1]]); // the table's name, were a function called "calls"
  for (const [unit, byOffset] of [...crossings].sort(([a], [b]) => a - b)) {
    const addresses = collectAddresses(graph, roles, edgesInto(incoming, unit));
    for (const [offset, edges] of [...byOffset].sort(([a], [b]) => a - b)) {
      const target = functions.at(unit, offset)!;
      const members = ownership.sets.members(ownership.ownersByUnit[unit]!);
      const found = members
        .map((member) => answerFor(claims.components[member]!, target.name))
        .find((one) => one !== undefined);
      if (found === undefined) {
        unanswered(unit, edges[0]!, target.name);
        continue;
      }
      const isExport = (edge: EdgeId) => roles[sourceOf(graph, edge)] === "exports";
      const calls = edges.filter((edge) => !isExport(edge));
      gates.push({
        gateSymbol: gateSymbol(target.name, taken),
        target,
        unit,
        answer: found.answer,
        isExpected: found.isExpected === true,
        crossings: edges,
        references: [...new Set([...calls, ...(addresses.get(offset) ?? [])])].sort((a, b) => a - b),
        exports: edges.filter(isExport).map((edge) => namedSymbol(graph, edge)),
        refusesModules: edges.some(isExport) && exportRule(claims, members) === "refuse",
      });
    }
  }
  return gates;
}

/**
 * Who takes addresses in a unit, by the offset they take. A function has one address for all who may call it
 * through a pointer, be they in the region or outside.
 */
function collectAddresses(graph: Graph, roles: readonly Role[], edges: Iterable<EdgeId>) {
  const byOffset = new Map<number, EdgeId[]>();
  for (const edge of edges) {
    const role = roles[sourceOf(graph, edge)]!;
    if (graph.edgeKind[edge] !== referenceKind.address || keepsNothing.has(role) || role === "exports")
      continue;
    const { targetOffset } = describeEdge(graph, edge);
    const known = byOffset.get(targetOffset) ?? [];
    byOffset.set(targetOffset, known);
    known.push(edge);
  }
  return byOffset;
}

/** The name of the symbol that a reference names, which may be one of several for the same function. */
function namedSymbol(graph: Graph, edge: EdgeId): string {
  const { from, symbol } = describeEdge(graph, edge);
  return symbolName(objectOf(graph, from), symbol);
}

/** `jettison_gate_` and the function's name; a second function of that name gets a number. */
function gateSymbol(name: string, taken: Map<string, number>): string {
  const plain = `jettison_gate_${name.replace(/\W/g, "_")}`;
  const count = (taken.get(plain) ?? 0) + 1;
  taken.set(plain, count);
  return count === 1 ? plain : `${plain}_${count}`;
}
