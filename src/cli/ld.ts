// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";

export function registerLd(program: Command): void {
  program
    .command("ld")
    .description("stand in for ld in a kernel build: make LD=…/bin/jettison-ld")
    .argument("[arguments...]", "arguments of the linker")
    .usage("-- [arguments...]")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .addHelpText(
      "after",
      "\nEnvironment:\n  JETTISON_COMPONENTS  manifests, separated by colons\n  JETTISON_AUTOMATIC   1: built-in drivers leave, too, though no manifest describes them\n  LLVM                 1, -19 or /opt/llvm/bin/: ld.lld is the linker that it runs, as kbuild would choose it\n  JETTISON_LD          the linker that it runs, in any case (ld)",
    )
    .action(async (argv: string[]) => {
      const { runLd } = await import("../passes.js");
      process.exitCode = await runLd(".", argv);
    });
}
