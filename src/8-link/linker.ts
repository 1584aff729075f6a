// SPDX-License-Identifier: Apache-2.0
import { execa } from "execa";
import { fail } from "../diagnostics.js";
import { describeEnd } from "../process.js";

/** Runs the real linker, which reports its own errors, unless it could not be started or was killed. Returns its exit code. */
export async function runLinker(build: string, argv: readonly string[]): Promise<number> {
  const linker = process.env.JETTISON_LD ?? "ld";
  const start = performance.now();
  const result = await execa(linker, [...argv], { cwd: build, stdio: "inherit", reject: false });
  if (result.exitCode !== undefined) return result.exitCode;
  const status = describeEnd(result, (performance.now() - start) / 1000)!;
  return fail("command-failed", { command: [linker, ...argv].join(" "), status, tail: "" });
}
