// SPDX-License-Identifier: Apache-2.0
/** The fate of a component: regions, gates, pins, a refusal, units that stay, and changes that would free more. */

import {
  describeEdge,
  type EdgeId,
  formatUnit,
  referenceKind,
  sectionOf,
  sourceOf,
  type UnitId,
} from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";
import { resident } from "../5-ownership/ownerSets.js";
import { distanceBeside } from "../6-boundary/beside.js";
import { findFunctions } from "../6-boundary/functions.js";
import { type Kind, kindOfSection } from "../elf/kind.js";
import { formatNumber } from "../formatNumber.js";
import type { PlannedBuild } from "../passes.js";
import { describeReference, describeRefusal, formatSource, type Plan } from "../plan/plan.js";
import { attributeReplacements } from "../plan/realReferences.js";
import { searchChains } from "../plan/residents.js";
import { projectRoot } from "../root.js";
import { sum } from "../sum.js";
import { pageSize } from "../x86/x86.js";
import { whyPinned } from "./explainUnit.js";
import type { Step, StepDescriber } from "./steps.js";

export interface Change {
  /** Bytes that it would free; absent if that is not known beforehand. */
  readonly bytes?: number;
  readonly what: string;
}

export interface ComponentAnswer {
  readonly component: Plan["components"][number];
  readonly regions: Plan["regions"];
  readonly gates: readonly {
    readonly symbol: string;
    readonly function: string;
    readonly answer: string;
    readonly crossings: readonly Step[];
  }[];
  readonly pins: readonly {
    readonly unit: string;
    readonly bytes: number;
    readonly chain: readonly Step[];
  }[];
  readonly refusal?: { readonly text: string; readonly chain: readonly Step[] };
  /** Bytes that stay although only this component, or it and others, need them, by the reason. */
  readonly staying: readonly { readonly because: string; readonly bytes: number; readonly units: number }[];
  readonly changes: readonly Change[];
}

export async function explainComponent(
  planned: PlannedBuild,
  name: string,
  describeSteps: StepDescriber,
): Promise<ComponentAnswer> {
  const { graph, roles, claims, ownership, boundary, plan } = planned;
  const component = plan.components.find((one) => one.name === name)!;
  const index = claims.components.findIndex((one) => one.name === name);
  const isOurs = (unit: number) => ownership.sets.members(ownership.ownersByUnit[unit]!).includes(index);
  const isOwned = (unit: number) => ownership.ownersByUnit[unit] !== resident;
  const chainOf = searchChains(attributeReplacements(graph, roles), roles, isOwned);
  const upTo = (edge: EdgeId) => describeSteps([...chainOf(sourceOf(graph, edge)), edge]);

  const gates = boundary.gates.filter(({ unit }) => isOurs(unit));
  const pins = boundary.pins.filter(({ unit }) => isOurs(unit));
  const refusal = boundary.refusals.find((one) => one.component === index);
  const staying = index < 0 ? [] : weighStaying(planned, index);
  const changes = index < 0 ? [] : proposeChanges(planned, index);
  return {
    component,
    regions: plan.regions.filter(({ owners }) => owners.includes(name)),
    gates: await Promise.all(
      gates.map(async ({ gateSymbol, target, answer, crossings }) => ({
        symbol: gateSymbol,
        function: target.name,
        answer: answer.text,
        crossings: await describeSteps(crossings),
      })),
    ),
    pins: await Promise.all(
      pins.map(async ({ unit, edge }) => ({
        unit: formatUnit(graph, unit),
        bytes: sectionOf(graph, unit).size,
        chain: await upTo(edge),
      })),
    ),
    ...(refusal === undefined
      ? {}
      : { refusal: { text: describeRefusal(graph, refusal), chain: await upTo(refusal.edge) } }),
    staying,
    changes,
  };
}

function weighStaying(planned: PlannedBuild, index: number) {
  const { graph, claims, ownership, boundary } = planned;
  const pinned = new Map(boundary.pins.map(({ unit, edge }) => [unit, edge]));
  const refused = new Set(boundary.refusals.map(({ component }) => component));
  const reasons = new Map<string, { because: string; bytes: number; units: number }>();
  for (let unit = 0; unit < graph.unitCount; unit++) {
    const members = ownership.sets.members(ownership.ownersByUnit[unit]!);
    const { size } = sectionOf(graph, unit);
    if (!members.includes(index) || boundary.isLeaving[unit] || size === 0) continue;
    const kind = kindOfSection(sectionOf(graph, unit));
    const other = members.find((member) => refused.has(member));
    const isSmall = boundary.tooSmall.some(
      (one) => one.kind === kind && one.owners === ownership.leavesWithByUnit[unit],
    );
    const pin = pinned.get(unit);
    const because =
      pin !== undefined
        ? whyPinned(planned, pin)
        : other !== undefined
          ? `${claims.components[other]!.name} is refused`
          : isSmall
            ? "too little for a page of its own"
            : `no ${kind} leaves yet`;
    const known = reasons.get(because) ?? { because, bytes: 0, units: 0 };
    reasons.set(because, known);
    known.bytes += size;
    known.units++;
  }
  return [...reasons.values()].sort((a, b) => b.bytes - a.bytes);
}

function proposeChanges(planned: PlannedBuild, index: number): Change[] {
  const { graph, roles, claims, ownership, boundary, plan } = planned;
  const component = claims.components[index]!;
  const manifest = component.file.replace(projectRoot, "");
  const changes: Change[] = [];
  const refusal = boundary.refusals.find((one) => one.component === index);
  if (refusal !== undefined) {
    const owned = plan.components.find(({ name }) => name === component.name)!.owned;
    changes.push({ bytes: owned.text ?? 0, what: proposeForRefusal(planned, refusal, manifest) });
  }
  if (component.canAppear !== "never")
    changes.push({
      what:
        component.canAppear === "always"
          ? `Every machine can use it (canAppear: always), so it stays; boot with jettison.drop=${component.name} to make it leave.`
          : `It can come into use later (canAppear: ${component.canAppear}), so it stays on every machine; boot with jettison.drop=${component.name} where it will not.`,
    });
  for (const { kind, owners, bytes } of boundary.tooSmall)
    if (ownership.sets.members(owners).includes(index))
      changes.push({ bytes, what: describeSmall(planned, kind, ownership.sets.members(owners)) });
  for (const { unit, edge } of boundary.pins)
    if (ownership.sets.members(ownership.ownersByUnit[unit]!).includes(index))
      changes.push({
        bytes: sectionOf(graph, unit).size,
        what: proposeForPin(planned, unit, edge, manifest),
      });
  for (const { owners, bytes, name } of plan.regions)
    if (owners.length > 1 && owners.includes(component.name))
      changes.push({
        bytes,
        what: `Region ${name} leaves only where ${owners.filter((one) => one !== component.name).join(" and ")} leaves too.`,
      });
  const own = plan.regions.filter(({ owners }) => owners.length === 1 && owners[0] === component.name);
  const rounding = sum(own.map(({ pages, bytes }) => pages * pageSize - bytes));
  if (rounding > 0)
    changes.push({
      what: `${formatNumber(rounding)} bytes of its pages are fill, which leaves with them.`,
    });
  const stored = boundary.gates.filter(
    ({ unit, crossings }) =>
      ownership.sets.members(ownership.ownersByUnit[unit]!).join() === String(index) &&
      crossings.every((edge) => isStoredByInit(roles, graph.edgeKind[edge]!, sourceOf(graph, edge))),
  );
  if (stored.length > 0)
    changes.push({
      what: `Gates for addresses that init code stores: ${stored.length}. Functions that store them only where the component is in use can be listed under \`registers\` in ${manifest}.`,
    });
  return changes;
}

function proposeForPin({ graph, roles }: PlannedBuild, unit: UnitId, edge: EdgeId, manifest: string): string {
  const from = sourceOf(graph, edge);
  const name = sectionOf(graph, unit).name;
  const distance = distanceBeside(graph, edge);
  if (distance > 0)
    return `Make ${formatUnit(graph, from)} count from the start of ${name}: it uses an address ${distance} bytes outside of it.`;
  return roles[from] === "init"
    ? `List ${formatSource(describeReference(graph, edge))} under \`registers\` in ${manifest}, if it keeps the address of ${name} only where the component is in use.`
    : `Make ${formatUnit(graph, from)} get ${name} from a function of the component: a call can go through a gate, an access to data cannot.`;
}

const isStoredByInit = (roles: readonly Role[], kind: number, from: number) =>
  roles[from] === "init" && kind !== referenceKind.branch;

const describeSmall = ({ claims }: PlannedBuild, kind: Kind, owners: readonly number[]) =>
  owners.length > 1
    ? `The ${kind} that ${owners.map((owner) => claims.components[owner]!.name).join(" and ")} share is too little for a page of its own: it would get one if they were one component.`
    : `Its ${kind} is too little for a page of its own: a related component could claim it.`;

function proposeForRefusal(
  { graph }: PlannedBuild,
  { reason, edge, unanswered }: PlannedBuild["boundary"]["refusals"][number],
  manifest: string,
): string {
  const { to, targetOffset } = describeEdge(graph, edge);
  const target =
    findFunctions(graph, (unit) => unit === to).at(to, targetOffset)?.name ?? formatUnit(graph, to);
  const from = formatUnit(graph, sourceOf(graph, edge));
  switch (reason) {
    case "unanswered":
      return `Give ${unanswered.join(", ")} an answer under \`gates\` in ${manifest}; docs/manifests.md says how to choose it.`;
    case "exported":
      return `${target} is exported, and \`exports: keep\` in ${manifest} keeps the component for that; with \`gate\` or \`refuse\` it could leave.`;
    case "unknown-section":
      return `Add the section of ${from} to the catalogue (src/2-catalogue/rows.ts), or do not claim ${target}.`;
    default:
      return `Leave ${target} out of the component with \`except\` in ${manifest}, or change the code of ${from}.`;
  }
}
