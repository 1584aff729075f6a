// SPDX-License-Identifier: Apache-2.0
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { cacheFolder } from "../cache.js";
import { fail } from "../diagnostics.js";
import { runToEnd } from "../process.js";

/**
 * The Xen hypervisor out of Debian's package, which is downloaded and not installed: installed, it would change
 * the boot menu of this machine.
 */
export async function fetchHypervisor(xen: { package: string; file: string }): Promise<string> {
  const folder = cacheFolder("xen");
  const elf = join(folder, `${xen.package}-${basename(xen.file, ".gz")}.elf`);
  if (existsSync(elf)) return elf;

  mkdirSync(folder, { recursive: true });
  const making = mkdtempSync(join(folder, "making-"));
  const step = async (...argv: string[]) => {
    const { status, notFound, tail } = await runToEnd(argv, { cwd: making });
    if (status === undefined) return;
    const cause = notFound
      ? `there is no ${argv[0]} here`
      : tail.split("\n").at(-1) || `${argv[0]} ${status}`;
    fail("hypervisor-missing", { package: xen.package, cause: cause.replace(/\.$/, "") });
  };
  try {
    await step("apt-get", "download", xen.package);
    const deb = readdirSync(making).find((name) => name.endsWith(".deb")) ?? "no package";
    await step("dpkg", "-x", deb, "unpacked");
    const packed = join(making, "unpacked", xen.file);
    if (!existsSync(packed))
      fail("hypervisor-missing", { package: xen.package, cause: `it has no ${xen.file}` });
    writeFileSync(join(making, "elf"), gunzipSync(readFileSync(packed)));
    renameSync(join(making, "elf"), elf);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return elf;
}
