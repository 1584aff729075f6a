// SPDX-License-Identifier: Apache-2.0
/** The passes that make a plan, in order. Nothing is written here. */
import { type Boundary, drawBoundary } from "../boundary/boundary.js";
import { classifyUnits } from "../catalogue/classify.js";
import type { Role } from "../catalogue/sections.js";
import { type Claims, claimUnits } from "../component/claim.js";
import { mostComponents, restrictToBuild } from "../component/component.js";
import { readManifests } from "../component/manifest.js";
import { fail } from "../diagnostics.js";
import { buildGraph, type Graph } from "../graph/graph.js";
import { layoutRegions, type Region } from "../layout/regions.js";
import { findInitHelpers } from "../ownership/initHelpers.js";
import { assignOwners, type Ownership } from "../ownership/owners.js";
import { makePlan, type Plan } from "../plan/plan.js";
import type { LinkArguments } from "./arguments.js";
import { type LinkInputs, loadLinkInputs } from "./inputs.js";
import type { Stopwatch } from "./stopwatch.js";

/** Less than an eighth of a page is not worth a page of its own where the component stays. */
const leastBytes = 512;

export interface PlannedLink {
  readonly inputs: LinkInputs;
  readonly graph: Graph;
  readonly roles: readonly Role[];
  readonly claims: Claims;
  readonly ownership: Ownership;
  readonly boundary: Boundary;
  readonly regions: readonly Region[];
  readonly plan: Plan;
}

export async function planLink(
  link: LinkArguments,
  manifests: readonly string[],
  { lap }: Pick<Stopwatch, "lap"> = { lap: () => {} },
): Promise<PlannedLink> {
  const manifest = await readManifests(manifests);
  lap("manifests");
  const inputs = loadLinkInputs(link);
  lap("read");
  const graph = buildGraph(inputs.objects);
  const roles = classifyUnits(graph);
  lap("graph");
  // From here on every reference is known.

  const claims = restrictTests(
    claimUnits(graph, roles, manifest, (isTaken) => findInitHelpers(graph, roles, isTaken)),
    inputs,
  );
  if (claims.components.length > mostComponents)
    fail("too-many-components", { count: claims.components.length });
  const ownership = assignOwners(graph, roles, claims);
  lap("ownership");
  // From here on it is known whom everything serves.

  const boundary = drawBoundary({ graph, roles, claims, ownership }, { leastBytes });
  const regions = layoutRegions(graph, ownership, boundary);
  lap("boundary");
  const plan = makePlan({ graph, roles, claims, ownership, boundary, regions });
  lap("plan");
  // What leaves is fixed.
  return { inputs, graph, roles, claims, ownership, boundary, regions, plan };
}

function restrictTests(claims: Claims, { objects }: LinkInputs): Claims {
  const files = new Set(objects.map(({ file }) => file));
  const components = claims.components.map((component) => ({
    ...component,
    inUse: restrictToBuild(component.inUse, (object) => files.has(object)),
  }));
  return { ...claims, components };
}
