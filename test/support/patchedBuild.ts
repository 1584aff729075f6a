// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cacheFolder } from "../../src/cache.js";
import { copyBuild } from "../../src/kernel/copyBuild.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";
import { type KernelJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { preparePrivateSource } from "../../src/kernel/preparePrivateSource.js";
import { run } from "../../src/process.js";

/**
 * A build folder of its own for `job`, in which a patch changes one file: make looks for a source file in the build
 * folder first, so the tree, which everybody builds from, is left alone. It begins as a copy of the job's own build,
 * and is kept for the next run as long as patch and series are the same.
 */
export async function patchedBuild(
  job: KernelJob & { source: { debian: string } },
  name: string,
  patch: string,
) {
  const { folder, seriesHash } = await preparePrivateSource({ source: await fetchSource(job.source.debian) });
  const { output } = await makeKernel(job);
  const copy = cacheFolder("build", name);
  const madeOf = join(copy, ".made-of");
  const text = readFileSync(patch, "utf8");
  const key = `${output} ${seriesHash} ${text}`;
  if (existsSync(madeOf) && readFileSync(madeOf, "utf8") === key) return copy;

  rmSync(copy, { recursive: true, force: true });
  await copyBuild(output, copy);
  const file = /^\+\+\+ b\/(.*)$/m.exec(text)![1]!;
  const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
  try {
    const patched = join(scratch, "patched");
    await run(["patch", "--fuzz=0", `--output=${patched}`, join(folder, file), patch]);
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    writeFileSync(join(copy, file), readFileSync(patched));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  writeFileSync(madeOf, key);
  return copy;
}
