// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../cache.js";
import { fetchHypervisor } from "../machine/hypervisor.js";
import { guestInitramfs } from "../machine/initramfs.js";
import type { Machine } from "../machine/machine.js";
import { qemu } from "../machine/qemuCommand.js";
import { run } from "../process.js";
import { projectRoot } from "../root.js";
import { writeWhole } from "../writeWhole.js";

/** Files of our own that a result depends on. */
export function ownCode(folders: readonly string[]): string[] {
  return folders.flatMap((name) => {
    const folder = join(projectRoot, name);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((file) => file.endsWith(".js"))
      .sort()
      .map((file) => join(folder, file));
  });
}

/** The folder of a machine's boots of an image: all that they can depend on is in its name. */
export async function bootFolder(image: string, machine: Machine): Promise<string> {
  const hash = createHash("sha256")
    .update(JSON.stringify(machine))
    .update((await run([qemu, "--version"])).stdout);
  for (const file of [
    image,
    await guestInitramfs(),
    ...(await fetchHypervisor(machine)),
    ...ownCode(["dist/machine", "dist/boots"]),
  ])
    hash.update("\0").update(readFileSync(file));
  return cacheFolder("boots", `${machine.name}-${hash.digest("hex").slice(0, 16)}`);
}

export function readResult<T>(folder: string): T | undefined {
  const file = join(folder, "result.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : undefined;
}

export function keepResult<T>(folder: string, result: T): void {
  writeWhole(join(folder, "result.json"), JSON.stringify(result));
}
