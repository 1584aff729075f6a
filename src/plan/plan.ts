// SPDX-License-Identifier: Apache-2.0
/**
 * The plan of one build, as in `plan.json`, which every report reads. Sizes are in bytes.
 */

import { extentsIn, namesAround } from "../1-graph/around.js";
import {
  countReferences,
  describeEdge,
  type EdgeId,
  formatUnit,
  type Graph,
  objectOf,
  referenceKind,
  sectionOf,
  sourceOf,
  type UnitId,
} from "../1-graph/graph.js";
import { roleOf } from "../2-catalogue/sections.js";
import type { Claims } from "../3-component/claim.js";
import type { CanAppear, Component, Mention, Present } from "../3-component/component.js";
import { resident } from "../5-ownership/ownerSets.js";
import type { Refusal, RefusalReason } from "../6-boundary/boundary.js";
import type { Analysis } from "../7-layout/analysis.js";
import { type Kind, kindOfSection } from "../elf/kind.js";
import { type Export, listExports } from "../exports/exports.js";
import { type PlanColumns, packColumns, unpackColumns } from "./columns.js";
import type { PlanImage } from "./image.js";
import { nameManifests } from "./manifestNames.js";
import { attributeReplacements } from "./realReferences.js";
import { searchChains } from "./residents.js";

export const planVersion = 1;

export interface PlanReference {
  /** `drivers/acpi/pci_root.o:(.text.acpi_pci_root_add)`. */
  readonly from: string;
  /** The function or table of init code that it lies in, of which one section holds many. */
  readonly by?: string;
  /** Offset of the field that the relocation writes, in `from`. */
  readonly offset: number;
  readonly to: string;
  readonly kind: keyof typeof referenceKind;
}

export interface PlanUnit {
  readonly object: string;
  readonly section: string;
  readonly kind: Kind;
  readonly bytes: number;
  readonly owners: readonly string[];
  /**
   * The manifest's rule that claimed it and what of the rule matched (`components/iommu.yaml:12`, `objects
   * drivers/iommu/amd/**`); absent for a helper that its users brought along.
   */
  readonly rule?: string;
  readonly matched?: string;
  /** Name of its region; absent when it stays. */
  readonly region?: string;
}

type Bytes = Partial<Record<Kind | "padding", number>>;

export interface Plan {
  readonly version: typeof planVersion;
  readonly components: readonly {
    readonly name: string;
    readonly title: string;
    readonly state: "planned" | "refused" | "not-built";
    readonly canAppear: CanAppear;
    /** Built-in components that are looked for before it, and those that stay as long as it does. */
    readonly after: readonly string[];
    readonly needs: readonly string[];
    readonly kernels?: string;
    /** Names of a shipped manifest that this build does not have. */
    readonly lacks?: readonly string[];
    /** Asked of a machine's description, for predictions; absent where the manifest has none. */
    readonly present?: Present;
    /** It has the padding of the kernel's image, of which is known how much there is after the final link. */
    readonly hasPadding: boolean;
    /** It is a table of the kernel, of which the size is known after the final link. */
    readonly isTable?: true;
    /** It is a built-in driver that no manifest describes: its exit function is called before it leaves. */
    readonly isAutomatic?: true;
    /** Its devices are found in the background, after the initcalls. */
    readonly isFoundLate?: true;
    /** Bytes of all its units, and of those that lie in regions, by kind of memory. */
    readonly owned: Bytes;
    readonly leaving: Bytes;
    readonly gates: number;
  }[];
  readonly regions: readonly {
    readonly name: string;
    readonly kind: Kind;
    readonly owners: readonly string[];
    readonly bytes: number;
    readonly pages: number;
    readonly units: number;
  }[];
  readonly gates: readonly {
    readonly symbol: string;
    readonly function: string;
    readonly object: string;
    readonly region: string;
    readonly answer: string;
    readonly isExported: boolean;
    readonly crossings: readonly PlanReference[];
  }[];
  readonly pins: readonly {
    readonly unit: string;
    readonly owners: readonly string[];
    readonly bytes: number;
    readonly because: PlanReference;
  }[];
  readonly refusals: readonly {
    readonly component: string;
    readonly reason: RefusalReason;
    readonly text: string;
    /** Where the reason is that: every function that has no answer. */
    readonly unanswered?: readonly string[];
    /** From what the kernel needs anyway to the reference at fault, which is the last. */
    readonly chain: readonly PlanReference[];
  }[];
  /** Exported symbols that lie in components. */
  readonly exports: readonly Export[];
  /** Groups that would fill too little of a page of their own. */
  readonly tooSmall: readonly {
    readonly kind: Kind;
    readonly owners: readonly string[];
    readonly bytes: number;
  }[];
  /** Every unit that has owners. */
  readonly units: readonly PlanUnit[];
  /** Every unit, and what it refers to. The owned ones are those of `units`, in the same order. */
  readonly columns: PlanColumns;
  /** Where it all lies in the linked kernel; absent before the final link. */
  readonly image?: PlanImage;
  readonly totals: {
    readonly objects: number;
    readonly units: number;
    /** Bytes of all units by kind of memory. */
    readonly bytes: Record<Kind, number>;
    /** Relocations by what became of them. */
    readonly references: Record<string, number>;
  };
}

const refusalTexts: Record<RefusalReason, string> = {
  "inside-function": "refers to a place inside a function, where no gate can stand",
  assembly: "assembly may call by rules of its own, which a gate does not keep",
  "no-gate": "runs where no other code may be called",
  "unknown-section": "lies in a section that the catalogue does not know",
  "read-as-data": "reads code as data",
  exported: "is exported, and the manifest keeps the component for its exports",
  unanswered: "needs a gate, and the manifest has no answer for it",
};

export function describeReference(graph: Graph, edge: EdgeId): PlanReference {
  const { from, offset, to, kind } = describeEdge(graph, edge);
  const kindName = (Object.keys(referenceKind) as (keyof typeof referenceKind)[])[kind]!;
  const isInit = roleOf(sectionOf(graph, from)) === "init";
  const by = isInit ? namesAround(extentsIn(graph, from), offset)[0] : undefined;
  return {
    from: formatUnit(graph, from),
    ...(by === undefined ? {} : { by }),
    ...{ offset, to: formatUnit(graph, to), kind: kindName },
  };
}

/** `drivers/x.o:(.init.text), x_init`. */
export const formatSource = ({ from, by }: Pick<PlanReference, "from" | "by">) =>
  by === undefined ? from : `${from}, ${by}`;

/** One sentence: `drivers/x.o:(.text.f)+0x1c to drivers/y.o:(.text.g): runs where no other code may be called`. */
export function describeRefusal(graph: Graph, refusal: Refusal): string {
  const { from, by, offset, to } = describeReference(graph, refusal.edge);
  const others = refusal.unanswered.slice(1);
  const nor = others.length > 0 ? `, nor for ${others.join(", ")}` : "";
  return `${from}+0x${offset.toString(16)}${by === undefined ? "" : ` (${by})`} to ${to}: ${refusalTexts[refusal.reason]}${nor}`;
}

export function makePlan(analysis: Analysis): Plan {
  const { graph, claims, ownership, boundary, regions } = analysis;
  const { components } = claims;
  const names = (owners: readonly number[]) => owners.map((owner) => components[owner]!.name);
  const regionByUnit = new Map<UnitId, string>();
  for (const { name, units } of regions) for (const unit of units) regionByUnit.set(unit, name);
  const ownersOf = (unit: UnitId) => ownership.sets.members(ownership.ownersByUnit[unit]!);
  const chainOf = makeChains(analysis);
  const weights = weighComponents(analysis, (unit) => regionByUnit.has(unit));

  return {
    version: planVersion,
    components: [
      ...components.map((component, index) => describeComponent(analysis, weights[index]!, component, index)),
      ...claims.skipped.map((component) => ({
        ...{ name: component.name, title: component.title, state: "not-built" as const },
        canAppear: component.canAppear,
        ...describeLack(claims, component),
        ...{ after: [], needs: [], hasPadding: false },
        ...{ owned: {}, leaving: {}, gates: 0 },
      })),
    ],
    regions: regions.map(({ units, owners, ...region }) => ({
      ...region,
      owners: names(owners),
      units: units.length,
    })),
    gates: boundary.gates.map((gate) => ({
      symbol: gate.gateSymbol,
      function: gate.target.name,
      object: objectOf(graph, gate.unit).file,
      region: regionByUnit.get(gate.unit)!,
      answer: gate.answer.text,
      isExported: gate.exports.length > 0,
      crossings: gate.crossings.map((edge) => describeReference(graph, edge)),
    })),
    pins: boundary.pins.map(({ unit, edge }) => ({
      unit: formatUnit(graph, unit),
      owners: names(ownersOf(unit)),
      bytes: sectionOf(graph, unit).size,
      because: describeReference(graph, edge),
    })),
    refusals: boundary.refusals.map((refusal) => ({
      component: components[refusal.component]!.name,
      reason: refusal.reason,
      text: describeRefusal(graph, refusal),
      ...(refusal.unanswered.length > 0 ? { unanswered: refusal.unanswered } : {}),
      chain: chainOf(refusal.edge).map((edge) => describeReference(graph, edge)),
    })),
    exports: listExports(analysis),
    tooSmall: boundary.tooSmall.map(({ kind, owners, bytes }) => ({
      kind,
      owners: names(ownership.sets.members(owners)),
      bytes,
    })),
    units: describeUnits(analysis, regionByUnit, (unit) => names(ownersOf(unit))),
    // Most of a plan, and only some ask for it.
    get columns() {
      return unpackColumns(packColumns(analysis));
    },
    totals: countTotals(graph),
  };
}

/** The shortest chain that ends in a reference; searched for only where somebody asks. */
function makeChains({ graph, roles, ownership }: Analysis): (edge: EdgeId) => EdgeId[] {
  const isOwned = (unit: UnitId) => ownership.ownersByUnit[unit] !== resident;
  let search: ((unit: UnitId) => EdgeId[]) | undefined;
  return (edge) => {
    search ??= searchChains(attributeReplacements(graph, roles), roles, isOwned);
    return [...search(sourceOf(graph, edge)), edge];
  };
}

interface Weight {
  readonly owned: Partial<Record<Kind, number>>;
  readonly leaving: Partial<Record<Kind, number>>;
}

function weighComponents({ graph, claims, ownership }: Analysis, isLeaving: (unit: UnitId) => boolean) {
  const weights: Weight[] = claims.components.map(() => ({ owned: {}, leaving: {} }));
  for (let unit = 0; unit < graph.unitCount; unit++) {
    if (ownership.ownersByUnit[unit] === resident) continue;
    const section = sectionOf(graph, unit);
    const kind = kindOfSection(section);
    for (const component of ownership.sets.members(ownership.ownersByUnit[unit]!)) {
      const { owned, leaving } = weights[component]!;
      owned[kind] = (owned[kind] ?? 0) + section.size;
      if (isLeaving(unit)) leaving[kind] = (leaving[kind] ?? 0) + section.size;
    }
  }
  return weights;
}

function describeLack({ lacking }: Claims, { name }: Component): { lacks?: readonly string[] } {
  const lacks = lacking.get(name);
  return lacks === undefined ? {} : { lacks };
}

const builtNames = ({ components }: Claims, mentions: readonly Mention[]) => [
  ...new Set(mentions.map(({ name }) => name).filter((name) => components.some((one) => one.name === name))),
];

function describeComponent(
  { claims, ownership, boundary }: Analysis,
  weight: Weight,
  component: Component,
  index: number,
): Plan["components"][number] {
  const isRefused = boundary.refusals.some((refusal) => refusal.component === index);
  return {
    name: component.name,
    title: component.title,
    state: isRefused ? "refused" : "planned",
    canAppear: component.canAppear,
    after: builtNames(claims, component.after),
    needs: builtNames(claims, component.needs),
    ...(component.kernels === undefined ? {} : { kernels: component.kernels }),
    ...describeLack(claims, component),
    ...(component.present === undefined ? {} : { present: component.present }),
    hasPadding: component.padding !== undefined,
    ...(component.table === undefined ? {} : { isTable: true }),
    ...(component.automatic === undefined ? {} : { isAutomatic: true }),
    ...(component.automatic?.isLate ? { isFoundLate: true } : {}),
    ...weight,
    gates: boundary.gates.filter((gate) =>
      ownership.sets.members(ownership.ownersByUnit[gate.unit]!).includes(index),
    ).length,
  };
}

function describeUnits(
  { graph, claims, ownership }: Analysis,
  regionByUnit: ReadonlyMap<UnitId, string>,
  ownersOf: (unit: UnitId) => readonly string[],
): PlanUnit[] {
  const units: PlanUnit[] = [];
  const names = nameManifests(claims.components.map(({ file }) => file));
  const withoutFolder = (rule: string) => rule.replace(/^.*(?=:\d+$)/, (file) => names.get(file)!);
  for (let unit = 0; unit < graph.unitCount; unit++) {
    if (ownership.ownersByUnit[unit] === resident) continue;
    const section = sectionOf(graph, unit);
    if (section.size === 0) continue;
    const rule = claims.ruleByUnit.get(unit);
    const region = regionByUnit.get(unit);
    units.push({
      object: objectOf(graph, unit).file,
      section: section.name,
      kind: kindOfSection(section),
      bytes: section.size,
      owners: ownersOf(unit),
      ...(rule === undefined ? {} : { rule: withoutFolder(rule), matched: claims.matchedByUnit.get(unit)! }),
      ...(region === undefined ? {} : { region }),
    });
  }
  return units;
}

function countTotals(graph: Graph): Plan["totals"] {
  const bytes: Record<Kind, number> = { text: 0, rodata: 0, data: 0, bss: 0 };
  for (let unit = 0; unit < graph.unitCount; unit++) {
    const section = sectionOf(graph, unit);
    bytes[kindOfSection(section)] += section.size;
  }
  return { objects: graph.objects.length, units: graph.unitCount, bytes, references: countReferences(graph) };
}
