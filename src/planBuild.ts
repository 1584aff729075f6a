// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readManifests } from "./3-component/manifest.js";
import { readPacking } from "./3-component/packing.js";
import { readModfiles } from "./4-builtin/modules.js";
import { parseLinkArguments } from "./8-link/arguments.js";
import { type LinkInputs, loadLinkInputs } from "./8-link/inputs.js";
import { openLinkFolder, wasAutomatic } from "./8-link/record.js";
import { fail } from "./diagnostics.js";
import { type Analysis, analyse } from "./passes.js";
import { makePlan, type Plan } from "./plan/plan.js";

export interface PlannedBuild extends Analysis {
  /** The folder of the build. */
  readonly build: string;
  readonly inputs: LinkInputs;
  readonly plan: Plan;
}

/** Plans the link of a finished build anew, without linking. Built-in modules leave by themselves where they did in its own link. */
export async function planBuild(
  build: string,
  manifests: readonly string[],
  isAutomatic = wasAutomatic(openLinkFolder(build)),
): Promise<PlannedBuild> {
  if (!existsSync(join(build, "vmlinux.a")))
    fail("build-unusable", { folder: build, what: "it has no vmlinux.a" });
  const components = await readManifests(manifests);
  const inputs = loadBuild(build);
  const analysis = analyse(inputs.objects, components, {
    packing: readPacking(manifests),
    ...(isAutomatic ? { modfiles: (file: string) => readModfiles(build, file) } : {}),
  });
  return { build, inputs, ...analysis, plan: makePlan(analysis) };
}

/** The inputs of the link that made `vmlinux.o` in the folder of a build. */
export function loadBuild(build: string): LinkInputs {
  const libraries = ["lib/lib.a", "arch/x86/lib/lib.a"].filter((file) => existsSync(join(build, file)));
  const argv = ["-r", "-o", "vmlinux.o", "--whole-archive", "vmlinux.a", "--no-whole-archive", ...libraries];
  return loadLinkInputs(build, parseLinkArguments(argv));
}
