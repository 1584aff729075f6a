// SPDX-License-Identifier: Apache-2.0
/**
 * A private copy of a kernel tree with our series applied. The given tree is only read.
 *
 * The copy is kept and updated in place: a file gets a new time only if its content changes,
 * so that make rebuilds exactly what a new patch, a new file of ours or an edit of the user's affects. It does not
 * change while a build uses it: builds share its lock.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { cacheFolder } from "../cache.js";
import { run } from "../process.js";
import { withLock, withSharedLock } from "./lock.js";
import type { Series } from "./series.js";
import { listSourceFiles } from "./sourceFiles.js";
import { needSpace, spaceOfSource } from "./space.js";
import { stageNearest, stageSeries } from "./stageSeries.js";
import { type KernelVersion, readKernelVersion } from "./version.js";

/** A tree that is not edited while it is built. */
export interface KernelSource extends KernelVersion {
  readonly folder: string;
  /** The version whose series is in the tree: its own, or the nearest that applies. */
  readonly series?: string;
  /** Changes with anything that our series puts into the tree; none of it is in a tree that is as it was. */
  readonly seriesHash?: string;
  /** Builds from the tree share this lock; a change of the tree takes it exclusively. */
  readonly lock?: string;
}

export type PrivateSource = Required<KernelSource>;

export interface PrepareOptions {
  /** A kernel tree: the user's, or `fetchSource`'s. */
  source: string;
  /** The series to apply; the one of its version, or the nearest that applies, if absent. */
  series?: Series;
  onProgress?: (text: string) => void;
}

/** The files that the copy was made from, so that the next run can remove those that are gone from both. */
interface Made {
  readonly copied: readonly string[];
  readonly staged: readonly string[];
}

function readMade(file: string): Made {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Made) : { copied: [], staged: [] };
}

/** Writes beside and renames: neither a half-written file nor, through a hard link, somebody else's changes. */
function replaceFile(file: string, content: Buffer, mode: number): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.jettison-new`, content, { mode });
  renameSync(`${file}.jettison-new`, file);
}

/** A tree of our own in the cache is never edited: links to its files do, and take 3 s instead of 30. */
async function linkTree(pristine: string, folder: string): Promise<string[]> {
  if (!existsSync(folder)) {
    rmSync(`${folder}.linking`, { recursive: true, force: true });
    await run(["cp", "-al", pristine, `${folder}.linking`]);
    renameSync(`${folder}.linking`, folder);
  }
  return [];
}

async function copyTree(source: string, folder: string, made: Made, touched: Set<string>): Promise<string[]> {
  const files = await listSourceFiles(source);
  if (!existsSync(folder)) await needSpace(folder, spaceOfSource);
  mkdirSync(folder, { recursive: true });
  const present = new Set(files);
  for (const path of made.copied) if (!present.has(path)) rmSync(join(folder, path), { force: true });
  // Files of our series are not copied over their patched form, which would get a new time every run.
  const wanted = files.filter((path) => !touched.has(path));
  await run(
    ["rsync", "-a", "--ignore-missing-args", "--from0", "--files-from=-", `${source}/`, `${folder}/`],
    {
      input: wanted.join("\0"),
    },
  );
  return files;
}

interface Home {
  /** Holds the copy and what it was made of. */
  readonly home: string;
  /** The tree is one that `fetchSource` made. */
  readonly ours: boolean;
}

function homeOf(tree: string): Home {
  const sources = cacheFolder("source");
  mkdirSync(sources, { recursive: true });
  const home = dirname(tree);
  if (basename(tree) === "pristine" && dirname(home) === realpathSync(sources)) return { home, ours: true };
  const key = createHash("sha256").update(tree).digest("hex").slice(0, 12);
  return { home: join(sources, `${basename(tree).replace(/[^\w.-]/g, "_")}-${key}`), ours: false };
}

/** Files of a folder that differ from the tree's, or are missing. Times of folders do not count. */
async function findStale(source: string, folder: string, files: readonly string[]): Promise<string[]> {
  const argv = ["rsync", "-a", "--dry-run", "--itemize-changes", "--ignore-missing-args", "--from0"];
  const { stdout } = await run([...argv, "--files-from=-", `${source}/`, `${folder}/`], {
    input: files.join("\0"),
  });
  return stdout.split("\n").filter((line) => line !== "" && !/^.d/.test(line));
}

async function isUpToDate(tree: string, { home, ours }: Home, staged: Map<string, Buffer>): Promise<boolean> {
  const folder = join(home, "linux");
  const made = readMade(join(home, "made.json"));
  const same = (a: readonly string[], b: readonly string[]) =>
    a.length === b.length && new Set([...a, ...b]).size === a.length;
  if (!existsSync(folder) || !same(made.staged, [...staged.keys()])) return false;
  for (const [path, content] of staged) {
    const file = join(folder, path);
    if (!existsSync(file) || !readFileSync(file).equals(content)) return false;
  }
  if (ours) return true;
  const files = await listSourceFiles(tree);
  const wanted = files.filter((path) => !staged.has(path));
  return same(made.copied, files) && (await findStale(tree, folder, wanted)).length === 0;
}

async function bringUpToDate(tree: string, { home, ours }: Home, staged: Map<string, Buffer>): Promise<void> {
  const folder = join(home, "linux");
  const madeFile = join(home, "made.json");
  const made = readMade(madeFile);
  const remember = (copied: readonly string[], paths: Iterable<string>) =>
    writeFileSync(madeFile, JSON.stringify({ copied, staged: [...paths] } satisfies Made));
  const touched = new Set([...staged.keys(), ...made.staged]);
  // Before anything is staged: should this run be interrupted, the next one knows what to look at.
  mkdirSync(home, { recursive: true });
  remember(made.copied, touched);
  const copied = ours ? await linkTree(tree, folder) : await copyTree(tree, folder, made, touched);
  remember(copied, touched);
  for (const path of touched) {
    const original = join(tree, path);
    const content = staged.get(path) ?? (existsSync(original) ? readFileSync(original) : undefined);
    const file = join(folder, path);
    if (content === undefined) rmSync(file, { force: true });
    else if (!existsSync(file) || !readFileSync(file).equals(content))
      replaceFile(file, content, existsSync(original) ? statSync(original).mode & 0o777 : 0o644);
  }
  remember(copied, staged.keys());
}

export async function preparePrivateSource(options: PrepareOptions): Promise<PrivateSource> {
  const { source, series, onProgress } = options;
  const version = readKernelVersion(source);
  const tree = realpathSync(source);
  const home = homeOf(tree);
  const { series: used, files: staged } =
    series === undefined
      ? await stageNearest(tree, version.version)
      : { series: series.version, files: await stageSeries(tree, series) };
  onProgress?.("bringing the private copy up to date");
  const onWait = (pid: number) =>
    onProgress?.(`waiting for process ${pid}, which is working on the same source`);
  if (!(await withSharedLock(home.home, () => isUpToDate(tree, home, staged), onWait)))
    await withLock(home.home, () => bringUpToDate(tree, home, staged), onWait);
  const hash = createHash("sha256");
  for (const [path, content] of staged) hash.update(`${path}\0${content.length}\0`).update(content);
  return {
    ...{ ...version, series: used },
    ...{ folder: join(home.home, "linux"), seriesHash: hash.digest("hex"), lock: home.home },
  };
}
