// SPDX-License-Identifier: Apache-2.0
/**
 * First in the self-contained executable. The program reads files (manifests, machines, the kernel side), and make
 * calls bin/jettison-ld. So the executable unpacks them into the cache, once, and the program's root is there.
 */
{
  const { spawnSync } = require("node:child_process");
  const fs = require("node:fs");
  const { homedir } = require("node:os");
  const path = require("node:path");
  const { getAsset } = require("node:sea");
  const { pathToFileURL } = require("node:url");

  const { key, files } = JSON.parse(getAsset("files", "utf8"));
  const cache = process.env.JETTISON_CACHE || path.join(homedir(), ".cache/jettison");
  const root = path.join(cache, "executable", key);

  /** Beside, then renamed: another process may do the same. */
  const unpack = () => {
    const beside = `${root}.${process.pid}`;
    for (const [name, mode, text] of files) {
      fs.mkdirSync(path.dirname(path.join(beside, name)), { recursive: true });
      fs.writeFileSync(path.join(beside, name), text, { mode });
    }
    try {
      fs.renameSync(beside, root);
    } catch (error) {
      fs.rmSync(beside, { recursive: true });
      if (!fs.existsSync(root)) throw error;
    }
  };

  /** bin/jettison-ld starts the program by this link; the executable may have been moved since. */
  const link = (name) => {
    const beside = `${name}.${process.pid}`;
    fs.symlinkSync(process.execPath, beside);
    fs.renameSync(beside, name);
  };

  if (!fs.existsSync(root)) unpack();
  const self = path.join(root, "bin/executable");
  const isLinked = fs.existsSync(self) && fs.readlinkSync(self) === process.execPath;
  if (!isLinked) link(self);
  globalThis.jettisonUrl = pathToFileURL(path.join(root, "dist/root.js")).href;

  if (path.basename(process.argv0) === "jettison-ld") {
    const { status, signal } = spawnSync(path.join(root, "bin/jettison-ld"), process.argv.slice(2), {
      stdio: "inherit",
    });
    if (signal !== null) process.kill(process.pid, signal);
    process.exit(status ?? 2);
  }
}
