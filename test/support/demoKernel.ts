// SPDX-License-Identifier: Apache-2.0
/**
 * The demo's kernel with its modules, as one run of the tests shares it: the first file that asks has make build what is
 * not up to date. Each further make would find nothing to do, and that takes it ten seconds.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";

export async function demoKernel(): Promise<KernelBuild> {
  const file = join(inject("builds"), "demo.json");
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as KernelBuild;
  const build = await makeKernel({ ...demoJob, targets: ["bzImage", "modules"] });
  writeFileSync(file, JSON.stringify(build));
  return build;
}
