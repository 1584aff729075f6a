// SPDX-License-Identifier: Apache-2.0
/**
 * A domain inside a machine: the image is Xen's dom0, and its initramfs has Xen's tools, which start the same image again,
 * as a domain of its own.
 */
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../cache.js";
import { run } from "../process.js";
import { projectRoot } from "../root.js";
import { withScratchFolder } from "../scratch.js";
import { fromPackages } from "./debianPackages.js";
import { busybox, type HostFiles, librariesOf, packHost } from "./hostFiles.js";
import type { Machine } from "./machine.js";

/** Xen's tools want those of their own version. */
const packages = [
  ...["xen-utils-4.17", "libxenmisc4.17", "libxencall1", "libxendevicemodel1", "libxenevtchn1"],
  ...["libxenforeignmemory1", "libxengnttab1", "libxenhypfs1", "libxenstore4", "libxentoolcore1"],
  ...["libxentoollog1", "libyajl2"],
];

const tools = ["xenstored", "xen-init-dom0", "xenconsoled", "xl"];

/** The name of the domain; xenconsoled writes its console to the file. */
const domain = "guest";
const consoleFile = `/log/guest-${domain}.log`;

const fetchTools = () =>
  fromPackages(packages, cacheFolder("hypervisor", packages[0]!), (unpacked, making, missing) => {
    for (const [from, to] of [
      ["usr/lib/xen-4.17/bin", "bin"],
      ["usr/lib/x86_64-linux-gnu", "lib"],
    ] as const) {
      const folder = join(unpacked, from);
      if (!existsSync(folder)) return missing(`it has no ${from}`);
      cpSync(folder, join(making, to), { recursive: true, verbatimSymlinks: true });
    }
  });

/** runtime/dom0/locks.c */
async function grantLocks(): Promise<Uint8Array> {
  const source = join(projectRoot, "runtime/dom0/locks.c");
  return withScratchFolder(cacheFolder("hypervisor"), async (making) => {
    const file = join(making, "locks.so");
    await run(["gcc", "-shared", "-fPIC", "-O2", "-s", "-o", file, source]);
    return readFileSync(file);
  });
}

const configuration = ({ memory, cpus }: Machine, commandLine: string) => `name = "${domain}"
type = "pvh"
kernel = "/image"
ramdisk = "/initramfs"
extra = "${commandLine.replaceAll('"', '\\"')}"
memory = ${memory}
vcpus = ${cpus}
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "destroy"
`;

/** xl stays until the domain has ended. */
const script = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin LD_LIBRARY_PATH=/lib
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
mount -t tmpfs none /tmp
mkdir -p /dev/pts /log /run/xen /var/lib/xenstored /var/lib/xen
ln -s /run /var/run
mount -t devpts none /dev/pts
mount -t xenfs none /proc/xen
export LD_PRELOAD=/lib/locks.so
{ xenstored && xen-init-dom0; } >/tmp/tools 2>&1 || cat /tmp/tools
xenconsoled -i --log=guest --log-dir=/log >/dev/null &
touch ${consoleFile}
tail -f ${consoleFile} &
xl create -F /domain
usleep 2000000
poweroff -f
`;

/** The initramfs of dom0. */
export async function dom0Initramfs(
  machine: Machine,
  guest: HostFiles,
  commandLine: string,
): Promise<Buffer> {
  const folder = await fetchTools();
  const files: Record<string, Uint8Array> = { ...guest, ...busybox() };
  for (const tool of tools) {
    const file = join(folder, "bin", tool);
    files[`bin/${tool}`] = readFileSync(file);
    Object.assign(files, await librariesOf(file, join(folder, "lib")));
  }
  files["lib/locks.so"] = await grantLocks();
  files["etc/xen/xl.conf"] = Buffer.alloc(0);
  files.domain = Buffer.from(configuration(machine, commandLine));
  files.init = Buffer.from(script);
  return packHost(files);
}
