// SPDX-License-Identifier: Apache-2.0
/** What QEMU boots instead of the image where a machine's kernel runs on Xen, or on KVM inside another machine. */
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { cacheFolder } from "../cache.js";
import { fromPackage } from "./debianPackage.js";
import { fetchHost, hostInitramfs } from "./kvmHost.js";
import type { Machine } from "./machine.js";
import { guestCommand } from "./qemuCommand.js";

/** Files that a machine's boots depend on, beside the image and its initramfs. */
export async function fetchHypervisor({ xen, kvm }: Machine): Promise<readonly string[]> {
  if (xen !== undefined) return [await fetchXen(xen)];
  return kvm === undefined ? [] : await fetchHost(kvm.package);
}

/** Puts these into a folder that holds `image` and `initramfs`, under the names that `qemuCommand()` knows. */
export async function layOutHypervisor(machine: Machine, folder: string, append: string): Promise<void> {
  const files = await fetchHypervisor(machine);
  if (files.length > 0) symlinkSync(files[0]!, join(folder, "hypervisor"));
  if (machine.kvm === undefined) return;
  const started = { image: "image", initramfs: "initramfs" };
  const guest = Object.entries(started).map(
    ([name, file]) => [name, readFileSync(join(folder, file))] as const,
  );
  const host = await hostInitramfs(files.slice(1), Object.fromEntries(guest), guestCommand(machine, append));
  writeFileSync(join(folder, "host-initramfs"), host);
}

async function fetchXen(xen: { package: string; file: string }): Promise<string> {
  const name = `${basename(xen.file, ".gz")}.elf`;
  const folder = await fromPackage(
    xen.package,
    cacheFolder("hypervisor", xen.package),
    (unpacked, making, missing) => {
      const packed = join(unpacked, xen.file);
      if (!existsSync(packed)) missing(`it has no ${xen.file}`);
      writeFileSync(join(making, name), gunzipSync(readFileSync(packed)));
    },
  );
  return join(folder, name);
}
