// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

const folders = new Set<string>();
const remove = (folder: string) => {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
};
process.once("exit", () => folders.forEach(remove));

/** Runs `work` with a new folder in `parent` and removes the folder afterwards, even if Ctrl-C ends Jettison meanwhile. */
export async function withScratchFolder<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "jettison-"));
  folders.add(folder);
  try {
    return await work(folder);
  } finally {
    remove(folder);
  }
}
