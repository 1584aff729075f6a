// SPDX-License-Identifier: Apache-2.0
import { CommanderError } from "commander";
import { JettisonError } from "../diagnostics.js";
import { makeProgram } from "./program.js";

/** Prints an error, and returns the exit code for it. */
function reportError(error: unknown): 0 | 1 | 2 {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed it
  if (error instanceof JettisonError) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  const { message, stack, syscall } = error as NodeJS.ErrnoException;
  process.stderr.write(`jettison: ${message}\n`);
  if (process.env.JETTISON_DEBUG) process.stderr.write(`${stack}\n`);
  else if (syscall === undefined)
    process.stderr.write(
      "jettison: internal error. Run it again with JETTISON_DEBUG=1 and report its output.\n",
    );
  return 2;
}

// The reader of our output may close it early: jettison patches | head
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// No await at the top level: the self-contained executable is a CommonJS script.
makeProgram()
  .parseAsync()
  .catch((error: unknown) => {
    process.exitCode = reportError(error);
  });
