// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { fail } from "../diagnostics.js";

/** Measured on 6.12: the unpacked tree is 1.7 GiB, the demo's build with its debug-free objects 0.4 GiB. */
export const spaceOfSource = 1.9 * 2 ** 30;
/** A source package and what is in it: 167 MB each, of 7.3. */
export const spaceOfPackage = 0.4 * 2 ** 30;
export const spaceOfBuild = 0.6 * 2 ** 30;

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

/** Bytes that this user may still write on the disk that holds, or would hold, `path`. */
export async function freeSpace(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(nearestExisting(path));
  return bavail * bsize;
}

/** Ends with `no-space` where fewer than `bytes` are free there. */
export async function needSpace(path: string, bytes: number): Promise<void> {
  const free = await freeSpace(path);
  if (free < bytes) fail("no-space", { path, free, needed: bytes });
}
