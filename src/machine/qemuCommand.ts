// SPDX-License-Identifier: Apache-2.0
import type { Machine } from "./machine.js";

export const qemu = "qemu-system-x86_64";

/**
 * Kernel parameters of every guest: without KASLR MemTotal is the same from boot to boot, and a kernel that has
 * reported a fault ends the guest (`-no-reboot`) instead of staying there. The check that the timer ticks measures
 * how much time the host gives the guest; on a busy host it panics.
 */
const always = "nokaslr panic=-1 oops=panic no_timer_check";

/**
 * One host thread for all CPUs of a guest. With a thread for each, a CPU was seen to execute a stale INT3 of code
 * that another had just finished patching (QEMU 7.2, a jump label at boot): one oops in twelve boots.
 */
export const tcg = "tcg,thread=single";

export type Accelerator = "kvm" | "tcg";

const paddedLength = 512;

/**
 * The kernel keeps copies of its command line in memory that it takes before it counts MemTotal. One length
 * for all of them, so that MemTotal of two boots differs by what the kernel did and by nothing else.
 */
export function kernelCommandLine(machine: Machine, append: string): string {
  return [machine.append, always, append].filter(Boolean).join(" ").padEnd(paddedLength);
}

/** In an option's value QEMU takes a comma for the end of it, unless there are two. */
const escapeCommas = (text: string) => text.replaceAll(",", ",,");

const machineOptions = (
  { qemu, memory, cpus }: Pick<Machine, "qemu" | "memory" | "cpus">,
  accelerator: string,
) => [
  ...qemu.flat(),
  ...["-accel", accelerator, "-m", `${memory}`, "-smp", `${cpus}`],
  // Only the devices of the machine's file: the usual ones want option ROMs of further packages.
  ...["-nodefaults", "-nographic", "-serial", "stdio", "-no-reboot"],
];

/**
 * A host speaks up on the same console: Debian's kernel where it dies, a dom0 of ours where it warns. The first has one
 * processor: with two its guest was seen to stand still while it booted (QEMU 7.2). Mitigations cost it time, and protect
 * nothing there.
 */
const hostCommandLine = `console=ttyS0 ${always} mitigations=off loglevel=3`;
const dom0CommandLine = `console=hvc0 ${always} loglevel=5`;

/**
 * The command that boots an image, in a folder that holds what QEMU loads under the names `image`, `initramfs`,
 * `hypervisor` and `host-initramfs`. Where the kernel runs as dom0, QEMU loads Xen as a multiboot kernel; its `-initrd`
 * is then the list of modules, each a path up to the first blank and a command line.
 */
export function qemuCommand(machine: Machine, append: string, by: Accelerator = "tcg"): string[] {
  const accelerator = by === "tcg" ? tcg : by;
  const commandLine = kernelCommandLine(machine, append);
  const { xen, kvm } = machine;
  if (kvm !== undefined)
    return [
      ...[qemu, ...machineOptions({ ...kvm, cpus: 1 }, accelerator)],
      ...["-kernel", "hypervisor", "-initrd", "host-initramfs", "-append", hostCommandLine],
    ];
  if (xen === undefined)
    return [
      ...[qemu, ...machineOptions(machine, accelerator)],
      ...["-kernel", "image", "-initrd", "initramfs", "-append", commandLine],
    ];
  const { memory } = xen.domain ?? machine;
  const modules =
    xen.domain === undefined
      ? `image ${escapeCommas(commandLine)},initramfs`
      : `image ${dom0CommandLine},host-initramfs`;
  return [
    ...[qemu, ...machineOptions({ ...machine, memory }, accelerator)],
    ...["-kernel", "hypervisor", "-append", xen.append, "-initrd", modules],
  ];
}

/** The command that starts the image inside the machine that has KVM. */
export function guestCommand(machine: Machine, append: string): string[] {
  return [
    ...[qemu, ...machineOptions(machine, "kvm"), "-L", "/"],
    ...["-kernel", "image", "-initrd", "initramfs", "-append", kernelCommandLine(machine, append)],
  ];
}
