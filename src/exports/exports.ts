// SPDX-License-Identifier: Apache-2.0
/**
 * The `EXPORT_SYMBOL`s that lie in components, and the fate of each when its component leaves. Modules may
 * be loaded at any time and built by anybody, so every export is a reference from outside, whoever imports it today.
 */

import { describeEdge, type EdgeId, formatUnit, objectOf, sectionOf, type UnitId } from "../1-graph/graph.js";
import { resident } from "../5-ownership/ownerSets.js";
import type { Analysis } from "../7-layout/analysis.js";
import { symbolType } from "../elf/format.js";
import { symbolName } from "../elf/object.js";
import type { Fate } from "./fate.js";

export interface Export {
  readonly symbol: string;
  /** `drivers/iommu/amd/init.o:(.text.amd_iommu_pc_get_reg)`. */
  readonly unit: string;
  readonly components: readonly string[];
  readonly fate: Fate;
}

/** By component, then by name. */
export function listExports(analysis: Analysis): readonly Export[] {
  const { graph, roles, claims, ownership } = analysis;
  const found = new Map<string, Export>();
  for (let unit = 0; unit < graph.unitCount; unit++) {
    if (roles[unit] !== "exports") continue;
    for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++) {
      const to = graph.edgeTo[edge]!;
      if (to < 0 || ownership.ownersByUnit[to] === resident) continue;
      const symbol = nameOfExport(analysis, unit, edge);
      const components = ownership.sets
        .members(ownership.ownersByUnit[to]!)
        .map((member) => claims.components[member]!.name);
      found.set(`${components} ${symbol}`, {
        symbol,
        unit: formatUnit(graph, to),
        components,
        fate: fateOf(analysis, to, edge),
      });
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** As the entry names what it exports; where it does so by section and offset, as the entry itself is called. */
function nameOfExport({ graph }: Analysis, from: UnitId, edge: EdgeId): string {
  const object = objectOf(graph, from);
  const { symbol } = describeEdge(graph, edge);
  if (object.symbols.type[symbol] !== symbolType.section) return symbolName(object, symbol);
  return /\+(.*)/.exec(sectionOf(graph, from).name)?.[1] ?? formatUnit(graph, graph.edgeTo[edge]!);
}

function fateOf({ graph, ownership, boundary }: Analysis, unit: UnitId, edge: EdgeId): Fate {
  const { isLeaving, gates, pins, refusals } = boundary;
  if (isLeaving[unit]) {
    const offset = describeEdge(graph, edge).targetOffset;
    const gate = gates.find(
      (one) =>
        one.unit === unit &&
        one.crossings.some((crossing) => describeEdge(graph, crossing).targetOffset === offset),
    );
    // An exported function that leaves has a gate, or the proof after the link fails.
    return { does: gate?.refusesModules ? "refuse" : "gate", answer: gate?.answer.text ?? "" };
  }
  const owners = ownership.ownersByUnit[unit]!;
  const members = ownership.sets.members(owners);
  if (pins.some((pin) => pin.unit === unit)) return { does: "keep", why: "pinned" };
  const refusal = refusals.find(({ component }) => members.includes(component));
  if (refusal !== undefined)
    return { does: "keep", why: refusal.reason === "exported" ? "exported" : "component-refused" };
  return { does: "keep", why: "too-small" };
}
