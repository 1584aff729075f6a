// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildGraph } from "./1-graph/graph.js";
import { classifyUnits } from "./2-catalogue/classify.js";
import { type ClassifiedModule, classifyModules } from "./4-builtin/classify.js";
import { readModfiles } from "./4-builtin/modules.js";
import { fail } from "./diagnostics.js";
import { loadBuild } from "./planBuild.js";

/** The modules that a finished build has built in. */
export function classifyBuild(build: string): readonly ClassifiedModule[] {
  if (!existsSync(join(build, "vmlinux.a")))
    fail("build-unusable", { folder: build, what: "it has no vmlinux.a" });
  const graph = buildGraph(loadBuild(build).objects);
  return classifyModules(graph, classifyUnits(graph), (file) => readModfiles(build, file));
}
