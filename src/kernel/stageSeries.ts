// SPDX-License-Identifier: Apache-2.0
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Diagnostic, diagnose, fail, failIfAny, JettisonError } from "../diagnostics.js";
import { runToEnd } from "../process.js";
import { withScratchFolder } from "../scratch.js";
import { nearestVersions, type Patch, readSeries, type Series, touchedFiles } from "./series.js";

/** `patching file mm/usercopy.c` and `Hunk #2 FAILED at 123.`, as GNU patch prints them. */
function failedHunks(series: string, patch: Patch, output: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  let file = "an unknown file";
  for (const line of output.split("\n")) {
    file = line.match(/(?:patching file|File) (\S+)/)?.[1] ?? file;
    const hunk = line.match(/^Hunk (#\d+) FAILED at (\d+)/);
    if (hunk !== null)
      found.push(
        diagnose("patch-failed", {
          ...{ series, patch: patch.name, file },
          where: `hunk ${hunk[1]}, line ${hunk[2]}`,
        }),
      );
  }
  return found;
}

/**
 * The content that every file our series touches is to have, worked out beside the tree on copies of just
 * these files: the tree is changed only once all of it is known to fit. No fuzz: a hunk whose surroundings
 * changed has to be looked at.
 */
export const stageSeries = (pristine: string, series: Series): Promise<Map<string, Buffer>> =>
  withScratchFolder(tmpdir(), async (stage) => {
    const place = (path: string) => {
      mkdirSync(dirname(join(stage, path)), { recursive: true });
      return join(stage, path);
    };
    const touched = new Set(series.patches.flatMap(touchedFiles));
    for (const path of touched)
      if (existsSync(join(pristine, path))) copyFileSync(join(pristine, path), place(path));
    for (const [path, content] of series.files) writeFileSync(place(path), content);
    const failed: Diagnostic[] = [];
    for (const patch of series.patches) {
      const argv = ["patch", "-p1", "--fuzz=0", "--force", "--no-backup-if-mismatch", "--reject-file=-"];
      const { status, stdout, tail } = await runToEnd(argv, { cwd: stage, input: patch.text });
      if (status === undefined) continue;
      const missing = touchedFiles(patch).filter((file) => !existsSync(join(stage, file)));
      const wrong = [
        ...missing.map((file) =>
          diagnose("patch-failed", {
            ...{ series: series.version, patch: patch.name, file },
            where: "which this tree lacks",
          }),
        ),
        ...failedHunks(series.version, patch, stdout),
      ];
      if (wrong.length === 0) fail("command-failed", { command: argv.join(" "), status, tail });
      failed.push(...wrong);
    }
    failIfAny(failed);
    const paths = [...touched, ...series.files.map(([path]) => path)].sort();
    return new Map(paths.map((path) => [path, readFileSync(join(stage, path))]));
  });

export interface Staged {
  /** The version that the series was made for. */
  readonly series: string;
  readonly files: Map<string, Buffer>;
}

/**
 * The same with the series of the tree's version or, where that has none, with the nearest one that applies. Where
 * none does, the error names what stands in the way of the nearest.
 */
export async function stageNearest(pristine: string, version: string): Promise<Staged> {
  const versions = nearestVersions(version);
  let first: JettisonError | undefined;
  for (const series of versions[0] === version ? [version] : versions) {
    try {
      return { series, files: await stageSeries(pristine, readSeries(series)) };
    } catch (error) {
      if (!(error instanceof JettisonError) || error.diagnostics.some(({ code }) => code !== "patch-failed"))
        throw error;
      first ??= error;
    }
  }
  throw first ?? new Error("no kernel version has a series");
}
