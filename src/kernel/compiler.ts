// SPDX-License-Identifier: Apache-2.0
import { run } from "../process.js";

/** The first lines of `--version` of the programs that objects and kernels depend on. */
export async function identifyCompiler(): Promise<string> {
  const versions = await Promise.all(["gcc", "ld"].map((program) => run([program, "--version"])));
  return versions.map(({ stdout }) => stdout.split("\n")[0]).join("\n");
}
