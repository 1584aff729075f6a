// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { fail } from "../diagnostics.js";
import type { Plan } from "../plan/plan.js";
import { projectRoot } from "../root.js";

interface Options {
  components?: string[];
  json?: true;
}

/** Plans the link of a finished build anew, without linking: what there is to gain, before patching anything. */
async function plan(build: string, { components, json }: Options): Promise<void> {
  const { parseLinkArguments } = await import("../link/arguments.js");
  const { planLink } = await import("../link/planLink.js");
  const { formatPlan } = await import("../report/planText.js");
  if (!existsSync(join(build, "vmlinux.a")))
    fail("build-unusable", { folder: build, what: "it has no vmlinux.a" });
  const manifests = (components ?? [join(projectRoot, "components/iommu.yaml")]).map((file) => resolve(file));
  process.chdir(build); // a thin archive names its members from the top of the build
  const libraries = ["lib/lib.a", "arch/x86/lib/lib.a"].filter((file) => existsSync(file));
  const argv = ["-r", "-o", "vmlinux.o", "--whole-archive", "vmlinux.a", "--no-whole-archive", ...libraries];
  const planned: Plan = (await planLink(parseLinkArguments(argv), manifests)).plan;
  process.stdout.write(json ? `${JSON.stringify(planned)}\n` : formatPlan(planned));
}

export function registerPlan(program: Command): void {
  program
    .command("plan")
    .description("analyse a finished build without linking: sizes, regions, gates, pins, refusals")
    .argument("<build>", "folder of the build, where vmlinux.a lies")
    .option("--components <file...>", "manifests (default: those that come with Jettison)")
    .option("--json", "print the plan as JSON, sizes in bytes")
    .action(plan);
}
