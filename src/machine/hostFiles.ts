// SPDX-License-Identifier: Apache-2.0
/** Files for the initramfs of a machine that starts another machine: programs of this host, with their libraries. */
import { existsSync, readFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { fail } from "../diagnostics.js";
import { run } from "../process.js";
import { type CpioEntry, writeCpio } from "./cpio.js";

/** Contents by path. All may be executed. */
export type HostFiles = Readonly<Record<string, Uint8Array>>;

export const purpose = "a machine inside a machine";

export function findProgram(name: string, packages: string): string {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  return found ?? fail("tool-missing", { tool: name, purpose, package: packages });
}

export const busybox = (): HostFiles => ({
  "bin/busybox": readFileSync(findProgram("busybox", "busybox-static")),
});

/** The libraries that a program loads: out of a folder of its own where they are in it, else this machine's. */
export async function librariesOf(program: string, own?: string): Promise<HostFiles> {
  const { stdout } = await run(["ldd", program], own === undefined ? {} : { env: { LD_LIBRARY_PATH: own } });
  const files = [...stdout.matchAll(/\/\S+/g)].map(([file]) => file);
  const placeOf = (file: string) => (dirname(file) === own ? `lib/${basename(file)}` : file.slice(1));
  return Object.fromEntries(files.map((file) => [placeOf(file), readFileSync(file)]));
}

export function packHost(files: HostFiles): Buffer {
  const folders = new Set(["dev", "proc", "sys", "tmp"]);
  for (const file of Object.keys(files))
    for (let end = file.indexOf("/"); end > 0; end = file.indexOf("/", end + 1))
      folders.add(file.slice(0, end));
  const entries: CpioEntry[] = [
    ...[...folders].sort().map((name) => ({ name, mode: 0o040755 })),
    // The kernel's own initramfs has this device already, and only another kind of file takes its place.
    { name: "dev/console", mode: 0o100755 },
    // The kernel opens it as the program's standard output before any file system is mounted.
    { name: "dev/console", mode: 0o020600, device: [5, 1] },
    ...Object.entries(files).map(([name, content]) => ({ name, mode: 0o100755, content })),
  ];
  return writeCpio(entries);
}
