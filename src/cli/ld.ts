// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";

export function registerLd(program: Command): void {
  program
    .command("ld")
    .description("stands in for ld inside a kernel build: make LD=…/bin/jettison-ld")
    .argument("[arguments...]", "what make gives the linker")
    .usage("-- [arguments...]")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .addHelpText(
      "after",
      "\nEnvironment:\n  JETTISON_COMPONENTS  manifests, separated by colons\n  JETTISON_LD          the linker it stands in for (ld)",
    )
    .action(async (argv: string[]) => {
      const { runLd } = await import("../link/ld.js");
      process.exitCode = await runLd(".", argv);
    });
}
