// SPDX-License-Identifier: Apache-2.0
/** Why one unit stays or leaves: the chain of references from the root that keeps it, or from its component's code. */

import { type EdgeId, formatUnit, sectionOf, sourceOf, type UnitId } from "../1-graph/graph.js";
import { findRow } from "../2-catalogue/sections.js";
import { resident } from "../5-ownership/ownerSets.js";
import { distanceBeside } from "../6-boundary/beside.js";
import { kindOfSection } from "../elf/kind.js";
import type { PlannedBuild } from "../passes.js";
import { chainTo } from "../plan/chain.js";
import { describeRefusal, type PlanUnit } from "../plan/plan.js";
import { attributeReplacements } from "../plan/realReferences.js";
import { findOwnedChains, searchChains } from "../plan/residents.js";
import type { Step, StepDescriber } from "./steps.js";

export interface UnitAnswer extends Omit<PlanUnit, "object" | "section"> {
  readonly unit: string;
  /** `boot`: the kernel frees it after boot. `none`: it leaves no bytes in the kernel. */
  readonly verdict: "stays" | "leaves" | "boot" | "none";
  /** One sentence. */
  readonly because: string;
  /** Where the chain starts and why that is there; absent where there is no chain. */
  readonly root?: { readonly unit: string; readonly why: string };
  readonly chain: readonly Step[];
  readonly gates: readonly {
    readonly symbol: string;
    readonly answer: string;
    readonly crossings: readonly Step[];
  }[];
}

export interface Explainer {
  explain(unit: UnitId): Promise<UnitAnswer>;
  verdictOf(unit: UnitId): UnitAnswer["verdict"];
  /** References from the root to the unit; 0 where there is no chain. */
  lengthOfChain(unit: UnitId): number;
}

interface Reason {
  readonly verdict: UnitAnswer["verdict"];
  readonly because: string;
  readonly edges: readonly EdgeId[];
}

export function createExplainer(planned: PlannedBuild, describeSteps: StepDescriber): Explainer {
  const { graph, roles, claims, ownership, boundary } = planned;
  const owned = (unit: UnitId) => ownership.ownersByUnit[unit] !== resident;
  const references = attributeReplacements(graph, roles);
  const helpers = findOwnedChains({ ...references, roles, isOwned: owned }, (unit) =>
    claims.ruleByUnit.has(unit),
  );
  const rules = new Map(planned.plan.units.map((one) => [`${one.object}:(${one.section})`, one]));
  const ruleOf = (unit: UnitId) => rules.get(formatUnit(graph, unit));
  const reason = reasonOf(planned, searchChains(references, roles, owned), (unit) =>
    chainTo(helpers, unit).map((edge) => references.edgeId[edge]!),
  );
  return {
    verdictOf: (unit) => reason(unit).verdict,
    lengthOfChain: (unit) => reason(unit).edges.length,
    async explain(unit) {
      const section = sectionOf(graph, unit);
      const { verdict, because, edges } = reason(unit);
      const region = planned.regions.find(({ units }) => units.includes(unit))?.name;
      const gates = boundary.gates.filter((gate) => gate.unit === unit);
      const first = edges[0] === undefined ? unit : sourceOf(graph, edges[0]);
      return {
        unit: formatUnit(graph, unit),
        kind: kindOfSection(section),
        bytes: section.size,
        owners: membersOf(planned, unit),
        ...pickRule(ruleOf(unit)),
        ...(region === undefined ? {} : { region }),
        verdict,
        because,
        ...(edges.length === 0
          ? {}
          : { root: { unit: formatUnit(graph, first), why: whyRoot(planned, first) } }),
        chain: await describeSteps(edges),
        gates: await Promise.all(
          gates.map(async ({ gateSymbol, answer, crossings }) => ({
            symbol: gateSymbol,
            answer: answer.text,
            crossings: await describeSteps(crossings),
          })),
        ),
      };
    },
  };
}

const pickRule = (unit: PlanUnit | undefined): Pick<PlanUnit, "rule"> =>
  unit?.rule === undefined ? {} : { rule: unit.rule };

export const membersOf = ({ ownership, claims }: PlannedBuild, unit: UnitId) =>
  ownership.sets.members(ownership.ownersByUnit[unit]!).map((owner) => claims.components[owner]!.name);

/** The effect of a reference that pins a unit. */
export const whyPinned = ({ graph }: PlannedBuild, edge: EdgeId) =>
  distanceBeside(graph, edge) > 0
    ? "pinned: code uses an address far beside it, which may lie in another region"
    : "pinned: what stays may reach this data";

/** The catalogue's description of a section. */
function whyKnown(name: string): string {
  const row = findRow(name);
  return row === undefined ? "a section that the catalogue does not know" : `${row.what}, used ${row.used}`;
}

function whyRoot({ graph, roles, claims }: PlannedBuild, unit: UnitId): string {
  switch (roles[unit]) {
    case "plain":
      if (claims.ruleByUnit.has(unit)) return "the manifest names it";
      return "nothing refers to it by a relocation, so nothing shows that it could leave";
    case "init":
      return "init code leaves, but an address that it stored somewhere stays";
    case "exports":
      return "exported: a module may use it";
    default:
      return whyKnown(sectionOf(graph, unit).name);
  }
}

type Search = (unit: UnitId) => EdgeId[];

function reasonOf(planned: PlannedBuild, residents: Search, helpers: Search): (unit: UnitId) => Reason {
  const { graph, roles, claims, ownership, boundary, plan } = planned;
  const { sets, ownersByUnit } = ownership;
  const upTo = (edge: EdgeId) => [...residents(sourceOf(graph, edge)), edge];

  const ofResident = (unit: UnitId): Reason => {
    const known = whyKnown(sectionOf(graph, unit).name);
    const role = roles[unit]!;
    if (role === "init" || role === "patch")
      return { verdict: "boot", because: `the kernel frees it after boot (${known})`, edges: [] };
    if (role === "discarded") return { verdict: "none", because: `it is not loaded (${known})`, edges: [] };
    if (role !== "plain") return { verdict: "stays", because: known, edges: [] };
    const edges = residents(unit);
    if (edges.length > 0)
      return { verdict: "stays", because: "no component owns it, and it is needed", edges };
    return { verdict: "stays", because: whyRoot(planned, unit), edges };
  };

  return (unit) => {
    const members = sets.members(ownersByUnit[unit]!);
    if (members.length === 0) return ofResident(unit);
    const owners = membersOf(planned, unit);
    const all = owners.join(" and ");
    if (boundary.isLeaving[unit]) {
      const edges = claims.ruleByUnit.has(unit) ? [] : helpers(unit);
      const by = edges.length === 0 ? "" : ": nothing else refers to it";
      return { verdict: "leaves", because: `it leaves with ${all}${by}`, edges };
    }
    const pin = boundary.pins.find((one) => one.unit === unit);
    if (pin !== undefined) {
      const because = `it belongs to ${all} and is ${whyPinned(planned, pin.edge)}`;
      const edges = distanceBeside(graph, pin.edge) > 0 ? [pin.edge] : upTo(pin.edge);
      return { verdict: "stays", because, edges };
    }
    const refusal = boundary.refusals.find(({ component }) => members.includes(component));
    if (refusal !== undefined) {
      const name = claims.components[refusal.component]!.name;
      return {
        verdict: "stays",
        because: `${name} is refused: ${describeRefusal(graph, refusal)}`,
        edges: upTo(refusal.edge),
      };
    }
    const kind = kindOfSection(sectionOf(graph, unit));
    const edges = residents(unit);
    const small = boundary.tooSmall.find((one) => one.kind === kind && one.owners === ownersByUnit[unit]);
    if (small !== undefined) {
      const because = `only ${all} needs it, but the ${small.bytes} bytes of ${kind} with these owners are too few for a page`;
      return { verdict: "stays", because, edges };
    }
    const kinds = [...new Set(plan.regions.map((region) => region.kind))].join(", ") || "nothing";
    return {
      verdict: "stays",
      because: `only ${all} needs it, but no ${kind} leaves yet, only ${kinds}`,
      edges,
    };
  };
}
