// SPDX-License-Identifier: Apache-2.0
/**
 * Jettison's additions to a kernel: files of its own, the same for every version, and a short series of
 * patches for each version that it supports. Both live in `runtime/linux`: `<version>/*.patch` is the
 * series, every other folder there stands for the folder of that name in the kernel's tree.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../diagnostics.js";
import { projectRoot } from "../root.js";

const folder = join(projectRoot, "runtime/linux");
const isVersion = (name: string) => /^\d+\.\d+$/.test(name);

export interface Patch {
  readonly name: string;
  readonly text: string;
}

export interface Series {
  /** Path in the kernel's tree, then content; sorted by path. */
  readonly files: readonly (readonly [path: string, content: string])[];
  readonly patches: readonly Patch[];
}

/** The kernel versions that have a series, oldest first. */
export function supportedVersions(): string[] {
  return readdirSync(folder)
    .filter(isVersion)
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

export function readSeries(version: string): Series {
  const supported = supportedVersions();
  if (!supported.includes(version)) fail("kernel-unsupported", { what: `Linux ${version}`, supported });
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => path.includes("/") && !isVersion(path.slice(0, path.indexOf("/"))))
    .sort()
    .map((path) => [path, readFileSync(join(folder, path), "utf8")] as const);
  const patches = readdirSync(join(folder, version))
    .filter((name) => name.endsWith(".patch"))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(folder, version, name), "utf8") }));
  return { files, patches };
}

/** The files that a patch in git's form changes or makes. */
export function touchedFiles(patch: Patch): string[] {
  return [...patch.text.matchAll(/^diff --git a\/\S+ b\/(\S+)$/gm)].map((match) => match[1]!);
}
