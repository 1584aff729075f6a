// SPDX-License-Identifier: Apache-2.0
/** Gives the files of one run a folder for what they know about one another's builds (demoKernel.ts). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    builds: string;
  }
}

/** Called by vitest before the first file, and its result after the last. */
export default function setUp(project: TestProject): () => void {
  const builds = mkdtempSync(join(tmpdir(), "jettison-test-"));
  project.provide("builds", builds);
  return () => rmSync(builds, { recursive: true, force: true });
}
