// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fail } from "../diagnostics.js";
import { type LinkArguments, parseLinkArguments } from "../link/arguments.js";
import { type PlannedLink, planLink } from "../link/planLink.js";

/**
 * Plans the link of a finished build anew, without linking. Goes into the build's folder and stays there: a thin
 * archive names its members from the top of the build.
 */
export async function planBuild(build: string, manifests: readonly string[]): Promise<PlannedLink> {
  if (!existsSync(join(build, "vmlinux.a")))
    fail("build-unusable", { folder: build, what: "it has no vmlinux.a" });
  const files = manifests.map((file) => resolve(file));
  process.chdir(build);
  return planLink(vmlinuxLink(), files);
}

/** The link of vmlinux.o in the folder of a build, which is where this has to run. */
export function vmlinuxLink(): LinkArguments {
  const libraries = ["lib/lib.a", "arch/x86/lib/lib.a"].filter((file) => existsSync(file));
  const argv = ["-r", "-o", "vmlinux.o", "--whole-archive", "vmlinux.a", "--no-whole-archive", ...libraries];
  return parseLinkArguments(argv);
}
