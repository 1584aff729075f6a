// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import type { Machine } from "../machine/machine.js";
import { demoBoots } from "./demoBoots.js";
import { bootFolder, keepResult, readResult } from "./demoCache.js";
import type { DemoMachine } from "./demoJson.js";

/** A machine's two boots of an image, or their stored results if they were done before. */
export async function bootDemoMachine(
  image: string,
  machine: Machine,
  report: (text: string) => void,
): Promise<{ readonly result: DemoMachine; readonly isKept: boolean }> {
  const folder = await bootFolder(image, machine);
  const kept = readResult<DemoMachine>(folder);
  if (kept !== undefined) return { result: kept, isKept: true };
  mkdirSync(folder, { recursive: true });
  const { machines } = await demoBoots({ bzImage: image }, [machine], {
    logFolder: folder,
    onDone: (_, mode, { seconds }) => report(`jettison=${mode} done after ${seconds.toFixed(0)} s`),
  });
  const result = machines[0]!;
  keepResult(folder, result);
  return { result, isKept: false };
}
