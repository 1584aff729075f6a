// SPDX-License-Identifier: Apache-2.0
/**
 * A machine inside a machine: Debian's Linux with KVM, and in its initramfs this machine's own QEMU, which starts the
 * image. QEMU without KVM shows no guest the CPUID leaves of KVM or Hyper-V, but it emulates AMD's SVM with nested
 * paging, so that KVM can run in there.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { cacheFolder } from "../cache.js";
import { fail } from "../diagnostics.js";
import { run } from "../process.js";
import { type CpioEntry, writeCpio } from "./cpio.js";
import { fromPackage } from "./debianPackage.js";
import { qemu } from "./qemuCommand.js";

/** In the order in which they load. */
const modules = ["virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-amd.ko"];

/** What QEMU loads into a q35 that it starts a kernel on. */
const firmware = ["bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin"];

/** Debian's kernel, and its modules in the order in which they load. */
export async function fetchHost(name: string): Promise<readonly string[]> {
  const folder = await fromPackage(name, cacheFolder("hypervisor", name), (unpacked, making, missing) => {
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

const purpose = "a machine inside a machine";

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

const script = (command: readonly string[]) => `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t tmpfs none /tmp
for module in ${modules.map((file) => basename(file)).join(" ")}; do /bin/busybox insmod /$module; done
${command.map(quote).join(" ")}
/bin/busybox poweroff -f
`;

/** The initramfs of the host: it runs a command of QEMU, which finds the files of `guest` where it starts. */
export async function hostInitramfs(
  kernelModules: readonly string[],
  guest: Readonly<Record<string, Uint8Array>>,
  command: readonly string[],
): Promise<Buffer> {
  const files: Record<string, Uint8Array> = { ...guest, init: Buffer.from(script(command)) };
  for (const file of kernelModules) files[basename(file)] = readFileSync(file);
  files["bin/busybox"] = readFileSync(findProgram("busybox", "busybox-static"));
  const program = findProgram(qemu, "qemu-system-x86 seabios");
  files[`bin/${qemu}`] = readFileSync(program);
  for (const [library] of (await run(["ldd", program])).stdout.matchAll(/\/\S+/g))
    files[library.slice(1)] = readFileSync(library);
  const folders = (await run([program, "-L", "help"])).stdout.trim().split("\n");
  for (const name of firmware) {
    const file = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
    files[name] = readFileSync(file ?? fail("tool-missing", { tool: name, purpose, package: "seabios" }));
  }
  return writeCpio([
    ...foldersOf(Object.keys(files)),
    ...Object.entries(files).map(([name, content]) => ({ name, mode: 0o100755, content })),
  ]);
}

function findProgram(name: string, packages: string): string {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  return found ?? fail("tool-missing", { tool: name, purpose, package: packages });
}

function foldersOf(files: readonly string[]): CpioEntry[] {
  const folders = new Set(["dev", "tmp"]);
  for (const file of files)
    for (let end = file.indexOf("/"); end > 0; end = file.indexOf("/", end + 1))
      folders.add(file.slice(0, end));
  return [
    ...[...folders].sort().map((name) => ({ name, mode: 0o040755 })),
    // The kernel opens it as the program's standard output before any file system is mounted.
    { name: "dev/console", mode: 0o020600, device: [5, 1] },
  ];
}
