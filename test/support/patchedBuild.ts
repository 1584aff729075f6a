// SPDX-License-Identifier: Apache-2.0
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cacheFolder } from "../../src/cache.js";
import { copyBuild } from "../../src/kernel/copyBuild.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";
import { preparePrivateSource } from "../../src/kernel/preparePrivateSource.js";
import { demoKernel as demoVersion } from "../../src/kernel/series.js";
import { run } from "../../src/process.js";
import { demoKernel } from "./demoKernel.js";

/**
 * A build folder that begins as a copy of the demo's, and in which a patch changes one file. It is kept for the next run as
 * long as patch and series are the same.
 */
export async function patchedBuild(name: string, patch: string): Promise<string> {
  const { folder, seriesHash } = await preparePrivateSource({ source: await fetchSource(demoVersion) });
  const { output } = await demoKernel();
  const copy = cacheFolder("build", name);
  const madeOf = join(copy, ".made-of");
  const text = readFileSync(patch, "utf8");
  const key = `${output} ${seriesHash} ${text}`;
  if (existsSync(madeOf) && readFileSync(madeOf, "utf8") === key) return copy;

  rmSync(copy, { recursive: true, force: true });
  await copyBuild(output, copy);
  await changeSource(copy, folder, patch);
  writeFileSync(madeOf, key);
  return copy;
}

/**
 * Applies a patch of one file for the builds in `output` alone: make looks for a source file in the build folder first, so
 * the tree, from which everybody builds, is left alone.
 */
export async function changeSource(output: string, source: string, patch: string): Promise<void> {
  const file = /^\+\+\+ b\/(.*)$/m.exec(readFileSync(patch, "utf8"))![1]!;
  const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
  try {
    const patched = join(scratch, "patched");
    await run(["patch", "--fuzz=0", `--output=${patched}`, join(source, file), patch]);
    const own = join(output, file);
    mkdirSync(dirname(own), { recursive: true });
    // Written again, it would be compiled again.
    if (!existsSync(own) || !readFileSync(own).equals(readFileSync(patched))) copyFileSync(patched, own);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
