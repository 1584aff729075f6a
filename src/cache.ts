// SPDX-License-Identifier: Apache-2.0
import { homedir } from "node:os";
import { join } from "node:path";

/** A path in the one folder for everything that can be made again: `$JETTISON_CACHE`, else `~/.cache/jettison`. */
export function cacheFolder(...parts: string[]): string {
  return join(process.env.JETTISON_CACHE || join(homedir(), ".cache/jettison"), ...parts);
}
