// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../diagnostics.js";
import { runToEnd } from "../process.js";
import { withScratchFolder } from "../scratch.js";

/**
 * A folder made once from the files of Debian packages, which are downloaded but not installed: an installed kernel
 * or hypervisor would change the boot menu of this machine. `make` takes what it needs from `unpacked`.
 */
export async function fromPackages(
  names: readonly string[],
  folder: string,
  make: (unpacked: string, making: string, missing: (cause: string) => never) => void,
): Promise<string> {
  if (existsSync(folder)) return folder;
  return withScratchFolder(dirname(folder), async (scratch) => {
    const missing = (cause: string): never => fail("hypervisor-missing", { package: names[0]!, cause });
    const step = async (...argv: string[]): Promise<string> => {
      const { status, notFound, tail, stdout } = await runToEnd(argv, { cwd: scratch });
      if (notFound) missing(`there is no ${argv[0]} here`);
      if (status !== undefined)
        missing(tail.split("\n").at(-1)?.replace(/\.$/, "") || `${argv[0]} ${status}`);
      return stdout;
    };
    // linux-image-cloud-amd64 is empty and depends on the one with the newest version in its name.
    const depends = await step("apt-cache", "depends", "--important", names[0]!);
    const versioned = /^ +Depends: (linux-image-[0-9]\S+)$/m.exec(depends)?.[1];
    await step("apt-get", "download", ...(versioned === undefined ? names : [versioned]));
    const debs = readdirSync(scratch).filter((file) => file.endsWith(".deb"));
    if (debs.length === 0) missing("apt-get downloaded nothing");
    for (const deb of debs) await step("dpkg", "-x", deb, "unpacked");
    const making = join(scratch, "made");
    mkdirSync(making);
    make(join(scratch, "unpacked"), making, missing);
    try {
      renameSync(making, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // else another boot has made it meanwhile
    }
    return folder;
  });
}
