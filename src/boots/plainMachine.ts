// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { type BootResult, bootMachine } from "../machine/boot.js";
import type { Machine } from "../machine/machine.js";
import { bootFolder, keepResult, readResult } from "./demoCache.js";

export type PlainMemory = Pick<BootResult, "memTotal" | "memory">;

/**
 * Memory of a machine under a kernel without Jettison. Its command line is that of Jettison's kernel: it ignores
 * the unknown parameter, and the line has the same length.
 */
export async function bootPlainMachine(image: string, machine: Machine): Promise<PlainMemory> {
  const folder = await bootFolder(image, machine);
  const kept = readResult<PlainMemory>(folder);
  if (kept !== undefined) return kept;
  const { memTotal, memory } = await bootMachine({ bzImage: image }, machine, {
    fill: false,
    append: "jettison=off",
    log: join(folder, `${machine.name}-plain.log`),
  });
  keepResult(folder, { memTotal, memory });
  return { memTotal, memory };
}
