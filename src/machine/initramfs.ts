// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { cacheFolder } from "../cache.js";
import { fail } from "../diagnostics.js";
import { runToEnd } from "../process.js";
import { projectRoot } from "../root.js";
import { withScratchFolder } from "../scratch.js";
import { writeCpio } from "./cpio.js";

const source = join(projectRoot, "runtime/guest");
const compiler = ["gcc", "-static", "-s", "-O2", "-std=gnu11"];

const directory = 0o040755;
const program = 0o100755;
const characterDevice = 0o020600;

/** The initramfs with the guest's only program, made once for each content of its source. */
export async function guestInitramfs(): Promise<string> {
  const files = readdirSync(source).sort();
  const hash = createHash("sha256").update(compiler.join(" "));
  for (const name of files) hash.update(name).update(readFileSync(join(source, name)));
  const key = hash.digest("hex");
  const folder = cacheFolder("guest");
  const file = join(folder, `${key.slice(0, 16)}.cpio.gz`);
  if (existsSync(file)) return file;

  return withScratchFolder(folder, async (making) => {
    const init = join(making, "init");
    const code = files.filter((name) => name.endsWith(".c")).map((name) => join(source, name));
    const argv = [...compiler, "-o", init, ...code];
    const { status, notFound, tail } = await runToEnd(argv);
    if (notFound)
      fail("tool-missing", { tool: "gcc", purpose: "the guest's program", package: "gcc libc6-dev" });
    if (status !== undefined) fail("command-failed", { command: argv.join(" "), status, tail });
    const archive = writeCpio([
      { name: "dev", mode: directory },
      // The kernel opens it as the program's standard output before any file system is mounted.
      { name: "dev/console", mode: characterDevice, device: [5, 1] },
      // Kernels without devtmpfs are booted too.
      { name: "dev/kmsg", mode: characterDevice, device: [1, 11] },
      { name: "init", mode: program, content: readFileSync(init) },
    ]);
    writeFileSync(join(making, "initramfs"), gzipSync(archive, { level: 1 }));
    renameSync(join(making, "initramfs"), file);
    return file;
  });
}
