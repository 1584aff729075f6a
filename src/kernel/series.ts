// SPDX-License-Identifier: Apache-2.0
/**
 * Jettison's additions to a kernel: files of its own, the same for every version, and for each supported version
 * a series of patches and a header that bridges differences of the kernel's API. They are in `runtime/linux`:
 *
 * - `<version>/*.patch` changes files of the kernel;
 * - a `*.patch` without changes, there or beside it, is the message of a patch that adds files of our own, which it names;
 * - every other folder there, and in `<version>`, stands for the folder of that name in the kernel's tree.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compareVersions } from "../3-component/versions.js";
import { fail } from "../diagnostics.js";
import { projectRoot } from "../root.js";

const folder = join(projectRoot, "runtime/linux");
const isVersion = (name: string) => /^\d+\.\d+$/.test(name);

/** The version that the tests boot, and whose figures are in the documentation. */
export const demoKernel = "6.12";

export interface Patch {
  readonly name: string;
  readonly text: string;
}

export interface Series {
  /** The version that it was made for. */
  readonly version: string;
  /** Path in the kernel's tree, then content; sorted by path. */
  readonly files: readonly (readonly [path: string, content: string])[];
  /** Messages of the patches that add these files; the names of the files take the place of the changes. */
  readonly messages: readonly Patch[];
  /** In the order of their numbers, which messages and patches share. */
  readonly patches: readonly Patch[];
}

/** The kernel versions that have a series, oldest first. */
export function supportedVersions(): string[] {
  return readdirSync(folder).filter(isVersion).sort(compareVersions);
}

/** A number that grows by one from version to version: 5.19 is followed by 6.0, 6.19 by 7.0. Only 4.20 and 5.0 share one. */
function ordinal(version: string): number {
  const [major, minor] = version.split(".").map(Number) as [number, number];
  return 20 * major + minor;
}

/** The versions that have a series, the nearest to a version first; of two that are as near, the newer. */
export function nearestVersions(version: string): string[] {
  const distance = (one: string) => Math.abs(ordinal(one) - ordinal(version));
  return supportedVersions().sort((a, b) => distance(a) - distance(b) || ordinal(b) - ordinal(a));
}

/** The files below a folder that lie in a folder there, as paths in the kernel's tree. */
function readFiles(root: string): (readonly [path: string, content: string])[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => path.includes("/") && !isVersion(path.slice(0, path.indexOf("/"))))
    .map((path) => [path, readFileSync(join(root, path), "utf8")] as const);
}

const readPatches = (root: string): Patch[] =>
  readdirSync(root)
    .filter((name) => name.endsWith(".patch"))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(root, name), "utf8") }));

export function readSeries(version: string): Series {
  const supported = supportedVersions();
  if (!supported.includes(version)) fail("kernel-unsupported", { what: `Linux ${version}`, supported });
  const files = [...readFiles(folder), ...readFiles(join(folder, version))].sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const all = [...readPatches(folder), ...readPatches(join(folder, version))];
  const changesFiles = (patch: Patch) => touchedFiles(patch).length > 0;
  return {
    ...{ version, files },
    messages: all.filter((patch) => !changesFiles(patch)),
    patches: all.filter(changesFiles),
  };
}

/** The files that a patch in git's form changes or makes. */
export function touchedFiles(patch: Patch): string[] {
  return [...patch.text.matchAll(/^diff --git a\/\S+ b\/(\S+)$/gm)].map((match) => match[1]!);
}
