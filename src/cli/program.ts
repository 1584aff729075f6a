// SPDX-License-Identifier: Apache-2.0
/** The commands. The help texts, the man page and the shell completions are made from these definitions. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { projectRoot } from "../root.js";
import { registerBoot } from "./boot.js";
import { registerBuild } from "./build.js";
import { registerDemo } from "./demo.js";
import { registerDiff } from "./diff.js";
import { registerDoctor } from "./doctor.js";
import { registerEstimate } from "./estimate.js";
import { examples, formatExamples } from "./examples.js";
import { registerGain } from "./gain.js";
import { registerLab } from "./lab.js";
import { registerLd } from "./ld.js";
import { registerMicrovm } from "./microvm.js";
import { registerModules } from "./modules.js";
import { registerPack } from "./pack.js";
import { registerPatches } from "./patches.js";
import { registerPlan } from "./plan.js";
import { registerPredict } from "./predict.js";
import { registerProfile } from "./profile.js";
import { registerReport } from "./report.js";
import { registerScript } from "./script.js";
import { registerVerify } from "./verify.js";
import { registerWhy } from "./why.js";

/** Every command: one file of this folder for each, and its examples in examples.ts. Add one here. */
const commands = [
  registerDemo,
  registerBuild,
  registerBoot,
  registerPlan,
  registerModules,
  registerVerify,
  registerReport,
  registerLab,
  registerProfile,
  registerPredict,
  registerPack,
  registerWhy,
  registerDiff,
  registerGain,
  registerMicrovm,
  registerEstimate,
  registerScript,
  registerLd,
  registerPatches,
  registerDoctor,
];

export function makeProgram(): Command {
  const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
    version: string;
  };
  const program = new Command("jettison")
    .description(
      "lets one Linux kernel image fit many machines: built-in code for hardware that a machine lacks leaves its memory at boot",
    )
    .version(version)
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError("Run jettison --help for a list of commands and options.");
  for (const register of commands) register(program);
  program.addHelpText("after", "\nRun jettison COMMAND --help for options and examples.");
  for (const command of program.commands)
    command.addHelpText("after", formatExamples(examples[command.name()] ?? []));
  return program;
}
