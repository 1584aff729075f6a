// SPDX-License-Identifier: Apache-2.0
import type { Graph } from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";
import type { ElfObject } from "../elf/object.js";
import { type Claims, claimUnits } from "./claim.js";
import { type Component, restrictToBuild } from "./component.js";
import { findInitHelpers } from "./initHelpers.js";
import { resolveTests, type TestSymbols } from "./testSymbols.js";

/** Claims the units of components that are built in and whose `inUse` can be evaluated, and no others. */
export function claimTestable(
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
