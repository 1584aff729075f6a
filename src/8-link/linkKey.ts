// SPDX-License-Identifier: Apache-2.0
/**
 * Sums up what a link depends on besides its inputs and its arguments: the manifests, the name of the linker
 * underneath (the kernel's configuration has its version), our own code. `jettison-ld --jettison-key` prints it; the kernel's build keeps it with the command that made `vmlinux.o`, and
 * links again when the key has changed (`runtime/linux/6.12/0032-*.patch`).
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { projectRoot } from "../root.js";
import { findManifests } from "./record.js";

/** The folders of `dist` whose code does not influence the result of a link. */
const notLinking = new Set(["boots", "cli", "doctor", "kernel", "machine", "manual", "model", "report"]);

const dist = join(projectRoot, "dist");

export function keyOfLink(): string {
  const hash = createHash("sha256").update(`${process.env.JETTISON_LD ?? "ld"}\0${findManifests().hash}\0`);
  for (const file of [join(projectRoot, "bin/jettison-ld"), ...filesOfLink()])
    hash.update(`${relative(projectRoot, file)}\0`).update(readFileSync(file));
  return hash.digest("hex");
}

function filesOfLink(): string[] {
  if (!existsSync(dist)) return [];
  return readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !notLinking.has(relative(dist, file).split("/")[0]!))
    .sort();
}
