// SPDX-License-Identifier: Apache-2.0
/** References for people: their place, their target, and the line of source from which they were made. */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { describeEdge, type EdgeId, formatUnit, type Graph, objectOf, sectionOf } from "../1-graph/graph.js";
import { sectionFlag } from "../elf/format.js";
import { symbolName } from "../elf/object.js";
import type { PlannedBuild } from "../passes.js";
import { describeReference, type PlanReference } from "../plan/plan.js";
import { runToEnd } from "../process.js";

export interface Step extends PlanReference {
  /** The symbol of the relocation. */
  readonly symbol: string;
  /** `drivers/acpi/pci_root.c:638`; absent where the build has no debug information for it. */
  readonly source?: string;
}

/** Finds the source lines of references, of a build with debug information, in the fewest runs of addr2line. */
export type StepDescriber = (edges: readonly EdgeId[]) => Promise<Step[]>;

export function describeStepsOf({ build, graph, inputs }: PlannedBuild): StepDescriber {
  return async (edges) => {
    const lines = await findLines(build, graph, inputs.paths, edges);
    return edges.map((edge): Step => {
      const reference = describeEdge(graph, edge);
      const source = lines.get(edge);
      return {
        ...describeReference(graph, edge),
        symbol: symbolName(objectOf(graph, reference.from), reference.symbol),
        ...(source === undefined ? {} : { source }),
      };
    });
  };
}

async function findLines(
  build: string,
  graph: Graph,
  paths: readonly (string | undefined)[],
  edges: readonly EdgeId[],
): Promise<ReadonlyMap<EdgeId, string>> {
  const bySection = new Map<string, { path: string; section: string; places: [EdgeId, number][] }>();
  for (const edge of edges) {
    const { from, offset } = describeEdge(graph, edge);
    const object = objectOf(graph, from);
    const path = paths[graph.unitObject[from]!];
    const section = sectionOf(graph, from);
    const hasLines = object.sections.some(({ name }) => /^\.z?debug_line$/.test(name));
    if (!hasLines || path === undefined || !(section.flags & sectionFlag.execute)) continue;
    const key = formatUnit(graph, from);
    const known = bySection.get(key) ?? { path, section: section.name, places: [] };
    bySection.set(key, known);
    known.places.push([edge, offset]);
  }
  const lines = new Map<EdgeId, string>();
  for (const { path, section, places } of bySection.values()) {
    const offsets = places.map(([, offset]) => `0x${offset.toString(16)}`);
    const { stdout, status } = await runToEnd(["addr2line", "-e", path, "-j", section, ...offsets]);
    if (status !== undefined) continue; // without binutils there are no lines, and the rest is as good
    stdout.split("\n").forEach((line, index) => {
      const found = /^(.+:\d+)( \(discriminator \d+\))?$/.exec(line);
      if (found !== null && !found[1]!.startsWith("??") && places[index] !== undefined)
        lines.set(places[index][0], withoutRoot(build, found[1]!));
    });
  }
  return lines;
}

/** Paths of the source from its top: kbuild leaves a link to it in a build folder of its own. */
function withoutRoot(build: string, line: string): string {
  const roots = ["source", "."]
    .map((name) => join(build, name))
    .filter((folder) => existsSync(folder))
    .map((folder) => `${realpathSync(folder)}/`);
  const root = roots.find((one) => line.startsWith(one));
  return root === undefined ? line : line.slice(root.length);
}
