// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { cacheFolder } from "../cache.js";
import { fail } from "../diagnostics.js";
import { runToEnd } from "../process.js";
import { withScratchFolder } from "../scratch.js";

/**
 * The Xen hypervisor out of Debian's package, which is downloaded and not installed: installed, it would change
 * the boot menu of this machine.
 */
export async function fetchHypervisor(xen: { package: string; file: string }): Promise<string> {
  const folder = cacheFolder("xen");
  const elf = join(folder, `${xen.package}-${basename(xen.file, ".gz")}.elf`);
  if (existsSync(elf)) return elf;

  return withScratchFolder(folder, async (making) => {
    const missing = (cause: string) => fail("hypervisor-missing", { package: xen.package, cause });
    const step = async (...argv: string[]) => {
      const { status, notFound, tail } = await runToEnd(argv, { cwd: making });
      if (notFound) missing(`there is no ${argv[0]} here`);
      if (status !== undefined)
        missing(tail.split("\n").at(-1)?.replace(/\.$/, "") || `${argv[0]} ${status}`);
    };
    await step("apt-get", "download", xen.package);
    const deb = readdirSync(making).find((name) => name.endsWith(".deb"));
    await step("dpkg", "-x", deb ?? missing("apt-get downloaded nothing"), "unpacked");
    const packed = join(making, "unpacked", xen.file);
    if (!existsSync(packed)) missing(`it has no ${xen.file}`);
    writeFileSync(join(making, "elf"), gunzipSync(readFileSync(packed)));
    renameSync(join(making, "elf"), elf);
    return elf;
  });
}
