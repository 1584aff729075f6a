// SPDX-License-Identifier: Apache-2.0
/** Gates: they stand in for functions that may be called from outside once they are gone. */

import {
  describeEdge,
  type EdgeId,
  edgesInto,
  type Graph,
  type IncomingEdges,
  locateSymbol,
  objectOf,
  referenceKind,
  sectionOf,
  sourceOf,
  type UnitId,
} from "../1-graph/graph.js";
import { keepsNothing } from "../2-catalogue/keeping.js";
import type { Role } from "../2-catalogue/sections.js";
import { answerFor } from "../3-component/answer.js";
import type { Claims } from "../3-component/claim.js";
import type { Gate as AnsweredGate, ExportRule, GateAnswer } from "../3-component/component.js";
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";
import { symbolType } from "../elf/format.js";
import { symbolName } from "../elf/object.js";
import type { FunctionFinder, FunctionSymbol } from "./functions.js";
import type { Partition } from "./partition.js";

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

/** The strictest rule of all owners: what leaves with several may be relied on through any of them. */
export function exportRule(claims: Claims, members: readonly number[]): ExportRule {
  const rules = members.map((member) => claims.components[member]!.exports);
  return (["keep", "refuse"] as const).find((rule) => rules.includes(rule)) ?? "gate";
}

/** The answer of a function once it is gone, by the manifests of its unit's owners. */
export function findAnswer({ claims, ownership }: Partition, unit: UnitId, name: string) {
  return ownership.sets
    .members(ownership.ownersByUnit[unit]!)
    .map((member) => answerFor(claims.components[member]!, name))
    .find((one) => one !== undefined);
}

/**
 * Modpost makes the table of exports of this section, and it is the table that is to refer to gates. Before Linux 6.4 the
 * objects hold the table itself.
 */
const namesExports = ".export_symbol";

/** One for each function that is referred to, in the order of units; `crossings` by unit and offset. */
export function makeGates(
  partition: Partition,
  incoming: IncomingEdges,
  functions: FunctionFinder,
  crossings: ReadonlyMap<UnitId, ReadonlyMap<number, ReadonlySet<EdgeId>>>,
): Gate[] {
  const { graph, roles, claims, ownership } = partition;
  const gates: Gate[] = [];
  const diagnostics: Diagnostic[] = [];
  const taken = new Set(["jettison_gate_calls"]); // the table's name, were a function called "calls"
  for (const [unit, byOffset] of [...crossings].sort(([a], [b]) => a - b)) {
    const addresses = collectAddresses(graph, roles, edgesInto(incoming, unit));
    for (const [offset, references] of [...byOffset].sort(([a], [b]) => a - b)) {
      const edges = [...references].sort((a, b) => a - b);
      const target = functions.at(unit, offset)!;
      const members = ownership.sets.members(ownership.ownersByUnit[unit]!);
      const found = findAnswer(partition, unit, target.name)!;
      diagnostics.push(...checkAnswering(graph, roles, target.name, found));
      const isExport = (edge: EdgeId) => roles[sourceOf(graph, edge)] === "exports";
      const isNamed = (edge: EdgeId) => sectionOf(graph, sourceOf(graph, edge)).name === namesExports;
      const calls = edges.filter((edge) => !isNamed(edge));
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
  failIfAny(diagnostics);
  return gates;
}

/**
 * Whether another function can answer for one that left. The claims keep it (`residentByName`), so that it lies in no
 * region; but the gate reaches global names only, and init code is gone when the gate is shut.
 */
function checkAnswering(
  graph: Graph,
  roles: readonly Role[],
  name: string,
  gate: AnsweredGate,
): Diagnostic[] {
  if (gate.answer.kind !== "function") return [];
  const fault = (what: string) => {
    const { file, line } = gate;
    return [diagnose("manifest-answering", { file, line, name, answering: gate.answer.text, what })];
  };
  const symbol = graph.globals.get(gate.answer.function);
  const unit = symbol === undefined ? -1 : graph.symbolUnit[symbol]!;
  if (symbol === undefined || unit < 0) return fault("is no global function of this build");
  const { object, symbol: index } = locateSymbol(graph, symbol);
  if (graph.objects[object]!.symbols.type[index] !== symbolType.function) return fault("is no function");
  const role = roles[unit]!;
  return role === "plain" || role === "no-gate" ? [] : fault("is not there once the kernel has booted");
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
const gateSymbol = (name: string, taken: Set<string>) =>
  freeName(`jettison_gate_${name.replace(/\W/g, "_")}`, taken);

/** Takes a free name: `plain`, or `plain` with the first free number from 2. */
export function freeName(plain: string, taken: Set<string>): string {
  let name = plain;
  for (let count = 2; taken.has(name); count++) name = `${plain}_${count}`;
  taken.add(name);
  return name;
}
