// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../src/cache.js";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";
import { demoJob, type KernelJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { preparePrivateSource } from "../../src/kernel/preparePrivateSource.js";
import { demoKernel as version } from "../../src/kernel/series.js";
import { projectRoot } from "../../src/root.js";
import { buildOnce } from "./demoKernel.js";
import { changeSource } from "./patchedBuild.js";

const own = (name: string) => join(projectRoot, "test/kernel", name);

/** A kernel of the micro-VM kind, in which tasks can be inside of two components. */
export const smallJob: KernelJob & { output: string } = {
  ...demoJob,
  source: { debian: version },
  configuration: { kind: "tiny", file: join(projectRoot, "configs/small-microvm.config") },
  components: [...demoJob.components, own("inside.yaml"), own("small/spinning.yaml")],
  output: cacheFolder("build", "small-microvm"),
};

export async function smallKernel(): Promise<KernelBuild> {
  return buildOnce("small", buildSmallKernel);
}

async function buildSmallKernel(): Promise<KernelBuild> {
  const { folder } = await preparePrivateSource({ source: await fetchSource(version) });
  mkdirSync(smallJob.output, { recursive: true });
  await changeSource(smallJob.output, folder, own("small/spin.patch"));
  return makeKernel(smallJob);
}
