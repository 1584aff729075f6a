// SPDX-License-Identifier: Apache-2.0
/** The kernel whose link is measured: the demo's, or one that scripts/kernels has built (`npm run bench -- --kernel NAME`). */
import { existsSync } from "node:fs";
import { demoJob, publishedConfig, publishedJob } from "../src/kernel/makeKernel.js";

export const kernelName = process.env.JETTISON_BENCH_KERNEL ?? "demo";

if (kernelName !== "demo" && !existsSync(publishedConfig(kernelName)))
  throw new Error(`there is no kernel ${kernelName}: scripts/kernels ${kernelName}`);

export const kernelJob = kernelName === "demo" ? demoJob : publishedJob(kernelName);

export const report = (text: string) => process.stderr.write(`${kernelName}: ${text}\n`);
