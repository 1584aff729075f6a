// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ClassifiedModule, classifyModules } from "../builtin/classify.js";
import { readModfiles } from "../builtin/modules.js";
import { classifyUnits } from "../catalogue/classify.js";
import { fail } from "../diagnostics.js";
import { buildGraph } from "../graph/graph.js";
import { loadBuild } from "./planBuild.js";

/** The modules that a finished build has built in. */
export function classifyBuild(build: string): readonly ClassifiedModule[] {
  if (!existsSync(join(build, "vmlinux.a")))
    fail("build-unusable", { folder: build, what: "it has no vmlinux.a" });
  const graph = buildGraph(loadBuild(build).objects);
  return classifyModules(graph, classifyUnits(graph), (file) => readModfiles(build, file));
}
