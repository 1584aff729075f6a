// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../cache.js";
import { run } from "../process.js";
import { fetchPackageFile, type PackageOptions } from "./debianArchive.js";
import { withLock } from "./lock.js";
import { needSpace, spaceOfSource } from "./space.js";

export interface FetchOptions extends PackageOptions {
  /** Where installed source packages lie. */
  packages?: string;
}

/**
 * Debian's source of a kernel version, unpacked unchanged: from the installed package, else from a downloaded one.
 * The size and time of the package's tarball identify the package version
 * without reading 150 MB.
 */
export async function fetchSource(
  version: string,
  { packages = "/usr/src", ...options }: FetchOptions = {},
): Promise<string> {
  const name = `linux-source-${version}`;
  const installed = join(packages, `${name}.tar.xz`);
  const tarball = existsSync(installed)
    ? installed
    : await fetchPackageFile(name, `usr/src/${name}.tar.xz`, options);
  const { size, mtimeMs } = statSync(tarball);
  const key = createHash("sha256").update(`${tarball} ${size} ${mtimeMs}`).digest("hex").slice(0, 12);
  const folder = cacheFolder("source", `${name}-${key}`);
  const pristine = join(folder, "pristine");
  if (existsSync(pristine)) return pristine;
  return withLock(folder, async () => {
    if (existsSync(pristine)) return pristine; // made while we waited
    await needSpace(folder, spaceOfSource);
    const unpacking = `${pristine}.unpacking`;
    rmSync(unpacking, { recursive: true, force: true });
    mkdirSync(unpacking, { recursive: true });
    options.onProgress?.(`unpacking ${tarball}`);
    try {
      await run(["tar", "-C", unpacking, "--strip-components=1", "-xf", tarball]);
      renameSync(unpacking, pristine);
    } finally {
      rmSync(unpacking, { recursive: true, force: true });
    }
    return pristine;
  });
}
