// SPDX-License-Identifier: Apache-2.0
/** The kernel that QEMU boots instead of the image, where that runs on Xen, or on KVM inside another machine. */
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { cacheFolder } from "../cache.js";
import { fromPackages } from "./debianPackages.js";
import { fetchKvm, kvmHostInitramfs } from "./kvmHost.js";
import type { Machine } from "./machine.js";
import { guestCommand, kernelCommandLine } from "./qemuCommand.js";
import { dom0Initramfs } from "./xenDomain.js";

/** Booted by QEMU instead of the image: Xen, or the kernel of KVM's host with its modules. */
export async function fetchHypervisor({ xen, kvm }: Machine): Promise<readonly string[]> {
  if (xen !== undefined) return [await fetchXen(xen)];
  return kvm === undefined ? [] : await fetchKvm(kvm.package);
}

/** Puts these into a folder that holds `image` and `initramfs`, under the names that `qemuCommand()` knows. */
export async function layOutHypervisor(machine: Machine, folder: string, append: string): Promise<void> {
  const [hypervisor, ...modules] = await fetchHypervisor(machine);
  if (hypervisor !== undefined) symlinkSync(hypervisor, join(folder, "hypervisor"));
  const { kvm, xen } = machine;
  const domain = xen?.domain;
  if (kvm === undefined && domain === undefined) return;
  const read = (name: string) => readFileSync(join(folder, name));
  const guest = { image: read("image"), initramfs: read("initramfs") };
  const host =
    domain === undefined
      ? await kvmHostInitramfs(modules, guest, guestCommand(machine, append))
      : await dom0Initramfs(machine, guest, kernelCommandLine(machine, append).trimEnd());
  writeFileSync(join(folder, "host-initramfs"), host);
}

async function fetchXen(xen: { package: string; file: string }): Promise<string> {
  const name = `${basename(xen.file, ".gz")}.elf`;
  const folder = await fromPackages(
    [xen.package],
    cacheFolder("hypervisor", xen.package),
    (unpacked, making, missing) => {
      const packed = join(unpacked, xen.file);
      if (!existsSync(packed)) missing(`it has no ${xen.file}`);
      writeFileSync(join(making, name), gunzipSync(readFileSync(packed)));
    },
  );
  return join(folder, name);
}
