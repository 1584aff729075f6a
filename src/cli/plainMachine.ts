// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { bootMachine } from "../machine/boot.js";
import type { Machine } from "../machine/machine.js";
import { bootFolder, keepResult, readResult } from "./demoCache.js";

/**
 * MemTotal of a machine under a kernel without Jettison, which is told the same as Jettison's: it does not know
 * the word, and its command line is as long.
 */
export async function bootPlainMachine(image: string, machine: Machine): Promise<number> {
  const folder = await bootFolder(image, machine);
  const kept = readResult<{ memTotal: number }>(folder);
  if (kept !== undefined) return kept.memTotal;
  const { memTotal } = await bootMachine({ bzImage: image }, machine, {
    fill: false,
    append: "jettison=off",
    log: join(folder, `${machine.name}-plain.log`),
  });
  keepResult(folder, { memTotal });
  return memTotal;
}
