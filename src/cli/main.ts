// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { JettisonError } from "../diagnostics.js";
import { projectRoot } from "../root.js";
import { registerBoot } from "./boot.js";
import { registerBuild } from "./build.js";
import { registerDemo } from "./demo.js";
import { registerDiff } from "./diff.js";
import { registerDoctor } from "./doctor.js";
import { registerEstimate } from "./estimate.js";
import { registerGain } from "./gain.js";
import { registerLd } from "./ld.js";
import { registerMicrovm } from "./microvm.js";
import { registerModules } from "./modules.js";
import { registerPatches } from "./patches.js";
import { registerPlan } from "./plan.js";
import { registerPredict } from "./predict.js";
import { registerProfile } from "./profile.js";
import { registerReport } from "./report.js";
import { registerScript } from "./script.js";
import { registerVerify } from "./verify.js";
import { registerWhy } from "./why.js";

/** Every command: a file of this folder each. Add one here. */
const commands = [
  registerDemo,
  registerBuild,
  registerBoot,
  registerPlan,
  registerModules,
  registerVerify,
  registerReport,
  registerProfile,
  registerPredict,
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

function makeProgram(): Command {
  const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
    version: string;
  };
  const program = new Command("jettison")
    .description(
      "One Linux kernel image for many machines: what a machine lacks the hardware for leaves its memory",
    )
    .version(version)
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError("Run jettison --help for what there is.");
  for (const register of commands) register(program);
  return program;
}

/** The exit code for what ended a command, after telling the user. */
function reportError(error: unknown): 0 | 1 | 2 {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has told it
  if (error instanceof JettisonError) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  const { message, stack, syscall } = error as NodeJS.ErrnoException;
  process.stderr.write(`jettison: ${message}\n`);
  if (process.env.JETTISON_DEBUG) process.stderr.write(`${stack}\n`);
  else if (syscall === undefined)
    process.stderr.write(
      "jettison: this should not happen. Run it again with JETTISON_DEBUG=1 and report what it prints.\n",
    );
  return 2;
}

// What reads our output may have had enough of it: jettison patches | head
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  await makeProgram().parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
