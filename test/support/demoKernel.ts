// SPDX-License-Identifier: Apache-2.0
/**
 * The demo's kernel with its modules, as one run of the tests shares it: the first file that asks has make build what is
 * not up to date. Each further make would find nothing to do, and that takes it ten seconds.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { withLock } from "../../src/kernel/lock.js";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";

export async function demoKernel(): Promise<KernelBuild> {
  return buildOnce("demo", () => makeKernel({ ...demoJob, targets: ["bzImage", "modules"] }));
}

/** The first file of a run builds it, and others that ask meanwhile wait. */
export async function buildOnce(name: string, build: () => Promise<KernelBuild>): Promise<KernelBuild> {
  const file = join(inject("builds"), `${name}.json`);
  return withLock(file, async () => {
    if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as KernelBuild;
    const built = await build();
    writeFileSync(file, JSON.stringify(built));
    return built;
  });
}
