// SPDX-License-Identifier: Apache-2.0
/**
 * A build folder that begins as a copy of another one. Times are kept, so make compiles only the objects that are affected by
 * options in which the two differ.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../process.js";
import { withLock } from "./lock.js";
import { needSpace, spaceOfBuild } from "./space.js";
import { stateFile } from "./stateFile.js";

/** Does nothing where the folder is there already. */
export async function copyBuild(from: string, output: string): Promise<void> {
  const copying = `${output}.copying`;
  await withLock(copying, async () => {
    if (existsSync(output)) return;
    await needSpace(output, spaceOfBuild);
    rmSync(copying, { recursive: true, force: true });
    await withLock(stateFile(from, "build"), () => run(["cp", "-a", "--reflink=auto", from, copying]));
    rewriteTools(copying, from, output);
    renameSync(copying, output);
  });
}

/** objtool's own build depends on its folder. If it were built again, so would every object that it has checked. */
function rewriteTools(folder: string, from: string, to: string): void {
  const tools = join(folder, "tools");
  if (!existsSync(tools)) return;
  for (const name of readdirSync(tools, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".cmd")) continue;
    const file = join(tools, name);
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(from, to));
  }
}
