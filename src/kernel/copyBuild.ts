// SPDX-License-Identifier: Apache-2.0
/**
 * A build folder that begins as a copy of another one. Times are kept, so make compiles only what the options
 * touch in which the two differ.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
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
    renameSync(copying, output);
  });
}
