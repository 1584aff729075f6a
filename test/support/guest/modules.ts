// SPDX-License-Identifier: Apache-2.0
/** Builds kernel modules as anybody would: `make -C BUILD M=FOLDER`, with the plain linker. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeEnvironment } from "../../../src/kernel/make.js";
import { run } from "../../../src/process.js";
import { projectRoot } from "../../../src/root.js";

const sources = join(projectRoot, "test/support/modules");

/**
 * Builds the modules of `test/support/modules` in a folder against a finished kernel build; `flags` are further words for
 * make. Gives them by name.
 */
export async function buildModules(
  build: string,
  folder: string,
  names: readonly string[],
  flags: readonly string[] = [],
): Promise<Record<string, Uint8Array>> {
  for (const file of readdirSync(sources)) copyFileSync(join(sources, file), join(folder, file));
  const objects = names.map((name) => `obj-m += ${name}.o\n`);
  writeFileSync(join(folder, "Kbuild"), ["ccflags-y += -I$(srctree)\n", ...objects].join(""));
  await run(["make", "-C", build, `M=${folder}`, ...flags, "modules"], { env: makeEnvironment });
  return Object.fromEntries(names.map((name) => [`${name}.ko`, readFileSync(join(folder, `${name}.ko`))]));
}
