// SPDX-License-Identifier: Apache-2.0
/**
 * A machine inside a machine: Debian's Linux with KVM, and in its initramfs this machine's own QEMU, which starts the
 * image. QEMU without KVM shows no guest the CPUID leaves of KVM or Hyper-V, but it emulates AMD's SVM with nested
 * paging, so that KVM can run in there.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheFolder } from "../cache.js";
import { fail } from "../diagnostics.js";
import { run } from "../process.js";
import { fromPackages } from "./debianPackages.js";
import { busybox, findProgram, type HostFiles, librariesOf, packHost, purpose } from "./hostFiles.js";
import { qemu } from "./qemuCommand.js";

/** In the order in which they load. */
const modules = ["virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-amd.ko"];

/** Files that QEMU loads into a q35 on which it starts a kernel. */
const firmware = ["bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin"];

/** Debian's kernel, and its modules in the order in which they load. */
export async function fetchKvm(name: string): Promise<readonly string[]> {
  const folder = await fromPackages([name], cacheFolder("hypervisor", name), (unpacked, making, missing) => {
    const boot = join(unpacked, "boot");
    const kernel = (existsSync(boot) ? readdirSync(boot) : []).find((file) => file.startsWith("vmlinuz-"));
    const tree = join(unpacked, "lib/modules", kernel?.slice("vmlinuz-".length) ?? "", "kernel");
    const files = modules.map((file) => join(tree, file));
    if (kernel === undefined || !files.every((file) => existsSync(file))) return missing("it has no KVM");
    copyFileSync(join(boot, kernel), join(making, "vmlinuz"));
    for (const file of files) copyFileSync(file, join(making, basename(file)));
  });
  return ["vmlinuz", ...modules].map((file) => join(folder, basename(file)));
}

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

const script = (command: readonly string[]) => `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t tmpfs none /tmp
for module in ${modules.map((file) => basename(file)).join(" ")}; do /bin/busybox insmod /$module; done
${command.map(quote).join(" ")}
/bin/busybox poweroff -f
`;

/** The initramfs of the host: it runs a command of QEMU, which finds the files of `guest` where it starts. */
export async function kvmHostInitramfs(
  kernelModules: readonly string[],
  guest: HostFiles,
  command: readonly string[],
): Promise<Buffer> {
  const program = findProgram(qemu, "qemu-system-x86 seabios");
  const folders = (await run([program, "-L", "help"])).stdout.trim().split("\n");
  const findFirmware = (name: string) =>
    folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ??
    fail("tool-missing", { tool: name, purpose, package: "seabios" });
  return packHost({
    ...guest,
    ...busybox(),
    ...(await librariesOf(program)),
    ...Object.fromEntries(kernelModules.map((file) => [basename(file), readFileSync(file)])),
    ...Object.fromEntries(firmware.map((name) => [name, readFileSync(findFirmware(name))])),
    [`bin/${qemu}`]: readFileSync(program),
    init: Buffer.from(script(command)),
  });
}
