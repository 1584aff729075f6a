// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { fail } from "../diagnostics.js";

/** Measured on 6.12: the unpacked tree is 1.7 GiB, the demo's build with its debug-free objects 0.4 GiB. */
export const spaceOfSource = 1.9 * 2 ** 30;
export const spaceOfBuild = 0.6 * 2 ** 30;

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

/** Ends with `no-space` where fewer than `bytes` are free for this user on the disk that holds `path`. */
export async function needSpace(path: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(nearestExisting(path));
  const free = bavail * bsize;
  if (free < bytes) fail("no-space", { path, free, needed: bytes });
}
