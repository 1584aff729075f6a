// SPDX-License-Identifier: Apache-2.0
/** The passes that decide what leaves, in order. Nothing is read and nothing is written here. */

import { buildGraph, type Graph } from "./1-graph/graph.js";
import { classifyUnits } from "./2-catalogue/classify.js";
import type { Kind, Role } from "./2-catalogue/sections.js";
import { type Claims, claimUnits } from "./3-component/claim.js";
import { type Component, mostComponents, restrictToBuild } from "./3-component/component.js";
import { noPacking, type Packing } from "./3-component/packing.js";
import { resolveTests, type TestSymbols } from "./3-component/testSymbols.js";
import { chooseModules } from "./4-builtin/components.js";
import { findInitHelpers } from "./5-ownership/initHelpers.js";
import { assignOwners, bundleOwners, type Ownership } from "./5-ownership/owners.js";
import { type Boundary, drawBoundary } from "./6-boundary/boundary.js";
import { layoutRegions, type Region } from "./7-layout/regions.js";
import { fail } from "./diagnostics.js";
import type { ElfObject } from "./elf/object.js";

/** Less than an eighth of a page is not worth a page of its own where the component stays. */
export const leastBytes = 512;

export interface Analysis {
  readonly graph: Graph;
  readonly roles: readonly Role[];
  readonly claims: Claims;
  readonly testSymbols: TestSymbols;
  readonly ownership: Ownership;
  readonly boundary: Boundary;
  readonly regions: readonly Region[];
  /** Automatic built-in modules that are no components, by their paths, and why. */
  readonly setAside: ReadonlyMap<string, string>;
}

export interface AnalyseOptions {
  readonly packing?: Packing;
  /** The modules that an object was compiled for: then built-in modules leave by themselves where they can. */
  readonly modfiles?: ((file: string) => readonly string[]) | undefined;
  /** Called when a pass has ended. */
  readonly lap?: (pass: string) => void;
}

/** `objects` in the order of the link. */
export function analyse(
  objects: readonly ElfObject[],
  manifests: readonly Component[],
  { packing = noPacking, modfiles, lap = () => {} }: AnalyseOptions = {},
): Analysis {
  const graph = buildGraph(objects);
  const roles = classifyUnits(graph);
  lap("graph");
  // From here on every reference is known, and what each section is to the kernel.

  const described = claimTestable(graph, roles, manifests);
  if (described.claims.components.length > mostComponents)
    fail("too-many-components", { count: described.claims.components.length });
  const chosen = modfiles === undefined ? undefined : chooseModules(graph, roles, described.claims, modfiles);
  const setAside = new Map(chosen?.setAside);
  let modules = chosen?.modules ?? [];
  lap("claims");
  // From here on it is known what may be a component.

  for (;;) {
    const { claims, testSymbols } =
      modules.length === 0 ? described : claimTestable(graph, roles, [...manifests, ...modules]);
    const indexByName = new Map(claims.components.map(({ name }, index) => [name, index] as const));
    const ownership = bundleOwners(
      assignOwners(graph, roles, claims),
      packing.together.map((names) => names.flatMap((name) => indexByName.get(name) ?? [])),
    );
    lap("ownership");
    // From here on it is known whom everything serves.

    const boundary = drawBoundary(
      { graph, roles, claims, ownership },
      { leastBytes: leastBytesOf(packing, indexByName) },
    );
    const unfit = findUnfit(claims, ownership, boundary);
    if (unfit.size > 0) {
      modules = modules.filter(({ title }) => !unfit.has(title));
      for (const [path, why] of unfit) setAside.set(path, why);
      continue;
    }
    // From here on it is known what leaves, and what goes through a gate.

    const regions = layoutRegions(graph, ownership, boundary);
    lap("boundary");
    // Units that leave lie in pages of their own: nothing is decided after this.
    return { graph, roles, claims, testSymbols, ownership, boundary, regions, setAside };
  }
}

/** Built-in modules into which something leads but their own init code: nobody has said what a gate would answer. */
function findUnfit(
  { components }: Claims,
  { sets, ownersByUnit }: Ownership,
  { gates, refusals }: Boundary,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const add = (index: number, why: string) => {
    const { title, automatic } = components[index]!;
    if (automatic !== undefined && !found.has(title)) found.set(title, why);
  };
  for (const { unit, target } of gates)
    for (const index of sets.members(ownersByUnit[unit]!))
      add(index, `${target.name}() is called from outside`);
  for (const { component, reason, unanswered } of refusals)
    add(component, unanswered.length > 0 ? `${unanswered[0]}() is called from outside` : reason);
  return found;
}

/** The bound that a packing gives a region, else the usual one. */
function leastBytesOf({ stay, leave }: Packing, indexByName: ReadonlyMap<string, number>) {
  const keyOf = (kind: Kind, components: readonly number[]) =>
    `${kind} ${[...components].sort((a, b) => a - b)}`;
  const keys = (list: Packing["stay"]) =>
    list.map(({ kind, of }) =>
      keyOf(
        kind,
        of.map((name) => indexByName.get(name) ?? -1),
      ),
    );
  const least = new Map([
    ...keys(stay).map((key) => [key, Number.POSITIVE_INFINITY] as const),
    ...keys(leave).map((key) => [key, 1] as const),
  ]);
  return (kind: Kind, components: readonly number[]) => least.get(keyOf(kind, components)) ?? leastBytes;
}

/** Claims what components are built in and can be asked whether they are in use; of the others nothing. */
function claimTestable(
  graph: Graph,
  roles: readonly Role[],
  manifests: readonly Component[],
): { claims: Claims; testSymbols: TestSymbols } {
  const claim = (some: readonly Component[]) =>
    restrictTests(
      claimUnits(graph, roles, some, (isTaken) => findInitHelpers(graph, roles, isTaken)),
      graph.objects,
    );
  const all = claim(manifests);
  const { symbols, untestable } = resolveTests(graph, all);
  if (untestable.size === 0) return { claims: all, testSymbols: symbols };
  const lacking = new Map([...untestable].map(([{ name }, missing]) => [name, missing] as const));
  const claims = claim(manifests.filter(({ name }) => !lacking.has(name)));
  return {
    claims: {
      ...claims,
      skipped: [...claims.skipped, ...untestable.keys()],
      lacking: new Map([...claims.lacking, ...lacking]),
    },
    testSymbols: resolveTests(graph, claims).symbols,
  };
}

function restrictTests(claims: Claims, objects: readonly ElfObject[]): Claims {
  const files = new Set(objects.map(({ file }) => file));
  const components = claims.components.map((component) => ({
    ...component,
    inUse: restrictToBuild(component.inUse, (object) => files.has(object)),
  }));
  return { ...claims, components };
}
