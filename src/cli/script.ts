// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from "commander";
import { shippedManifests } from "../3-component/shipped.js";
import type { Linker } from "../8-link/scriptFragment.js";

interface Options {
  components?: string[];
  linker: Linker;
}

async function script(build: string, { components, linker }: Options): Promise<void> {
  const { planBuild } = await import("../passes.js");
  const { writeFragment } = await import("../8-link/scriptFragment.js");
  const { graph, regions, claims } = await planBuild(build, components ?? shippedManifests);
  const names = claims.components.map(({ name }) => name);
  process.stdout.write(writeFragment({ graph, regions, components: names, linker }));
}

export function registerScript(program: Command): void {
  program
    .command("script")
    .description("print the linker script that groups the components, for a link by hand")
    .argument("<build>", "folder of a finished build, where vmlinux.a lies")
    .option("--components <file...>", "manifests (default: those shipped with Jettison)")
    .addOption(new Option("--linker <name>", "the linker that reads it").choices(["ld", "lld"]).default("ld"))
    .action(script);
}
