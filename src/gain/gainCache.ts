// SPDX-License-Identifier: Apache-2.0
/** Keeps a measured gain, so that the demo can show it as long as everything that it depends on is the same. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { bootFolder, keepResult, ownCode, readResult } from "../boots/demoCache.js";
import { cacheFolder } from "../cache.js";
import { identifyCompiler } from "../kernel/compiler.js";
import { readConfiguration } from "../kernel/configureKernel.js";
import { loadMachine } from "../machine/machine.js";
import { plainJob, rebuildMachines, rebuildOf } from "./builds.js";
import type { Gain } from "./gain.js";

/** By Jettison's image, the machines and what measures them, and by what the other kernels are built of. */
async function gainFolder(image: string): Promise<string> {
  const hash = createHash("sha256").update(await identifyCompiler());
  for (const { configuration } of [plainJob, ...rebuildMachines.map((name) => rebuildOf(name).job)])
    hash.update(JSON.stringify(readConfiguration(configuration).map(({ name, value }) => [name, value])));
  for (const file of ownCode(["dist/gain"])) hash.update(readFileSync(file));
  for (const name of rebuildMachines) hash.update(await bootFolder(image, loadMachine(name)));
  return cacheFolder("gain", hash.digest("hex").slice(0, 16));
}

export async function keepGain(image: string, gain: Gain): Promise<void> {
  const folder = await gainFolder(image);
  mkdirSync(folder, { recursive: true });
  keepResult(folder, gain);
}

export async function readGain(image: string): Promise<Gain | undefined> {
  return readResult<Gain>(await gainFolder(image));
}
