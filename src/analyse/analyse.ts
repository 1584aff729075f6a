// SPDX-License-Identifier: Apache-2.0
/** The passes that decide what leaves, in order. Nothing is read and nothing is written here. */
import { type Boundary, drawBoundary } from "../boundary/boundary.js";
import { classifyUnits } from "../catalogue/classify.js";
import type { Kind, Role } from "../catalogue/sections.js";
import { type Claims, claimUnits } from "../component/claim.js";
import { type Component, mostComponents, restrictToBuild } from "../component/component.js";
import { noPacking, type Packing } from "../component/packing.js";
import { fail } from "../diagnostics.js";
import type { ElfObject } from "../elf/object.js";
import { buildGraph, type Graph } from "../graph/graph.js";
import { layoutRegions, type Region } from "../layout/regions.js";
import { findInitHelpers } from "../ownership/initHelpers.js";
import { assignOwners, bundleOwners, type Ownership } from "../ownership/owners.js";
import { resolveTests, type TestSymbols } from "./testSymbols.js";

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
}

export interface AnalyseOptions {
  readonly packing?: Packing;
  /** Called when a pass has ended. */
  readonly lap?: (pass: string) => void;
}

/** `objects` in the order of the link. */
export function analyse(
  objects: readonly ElfObject[],
  manifests: readonly Component[],
  { packing = noPacking, lap = () => {} }: AnalyseOptions = {},
): Analysis {
  const graph = buildGraph(objects);
  const roles = classifyUnits(graph);
  lap("graph");
  // From here on every reference is known, and what each section is to the kernel.

  const { claims, testSymbols } = claimTestable(graph, roles, manifests);
  if (claims.components.length > mostComponents)
    fail("too-many-components", { count: claims.components.length });
  const indexByName = new Map(claims.components.map(({ name }, index) => [name, index] as const));
  const ownership = bundleOwners(
    assignOwners(graph, roles, claims),
    packing.together.map((names) => names.flatMap((name) => indexByName.get(name) ?? [])),
  );
  lap("ownership");
  // From here on it is known whom everything serves.

  const boundary = drawBoundary(
    { graph, roles, claims, ownership },
    {
      leastBytes: leastBytesOf(packing, indexByName),
    },
  );
  // From here on it is known what leaves, and what goes through a gate.

  const regions = layoutRegions(graph, ownership, boundary);
  lap("boundary");
  // Units that leave lie in pages of their own: nothing is decided after this.
  return { graph, roles, claims, testSymbols, ownership, boundary, regions };
}

/** What a packing says of a region, else the usual bound. */
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
