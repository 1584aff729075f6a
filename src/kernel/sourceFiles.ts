// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../diagnostics.js";
import { run } from "../process.js";

/** Files that the kernel's own Makefile takes as signs of a build in the tree. */
const signsOfBuild = [".config", "include/config", "arch/x86/include/generated"];

/**
 * The source files of a tree, without what a build left in it: what git knows or would add, else every
 * file of a tree that was not built in.
 */
export async function listSourceFiles(folder: string): Promise<string[]> {
  if (existsSync(join(folder, ".git"))) {
    const { stdout } = await run(["git", "-C", folder, "ls-files", "-z", "-co", "--exclude-standard"]);
    return stdout.split("\0").filter((path) => path !== "");
  }
  const sign = signsOfBuild.find((path) => existsSync(join(folder, path)));
  if (sign !== undefined) fail("source-not-clean", { folder, sign });
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
