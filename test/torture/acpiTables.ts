// SPDX-License-Identifier: Apache-2.0
/**
 * Tables of firmware that describe an IOMMU oddly, each modelled on a kind of bug report. The layouts are those of
 * Intel's VT-d and AMD's IOMMU specifications. Where a DMAR table has a unit, the machine has none. The unit of an IVRS table
 * is there: Linux waits 0.1 s for each of 65,536 commands to an AMD-Vi that does not answer.
 */

const bytes = (...values: readonly number[]) => Buffer.from(values);
const word = (value: number) => bytes(value & 0xff, value >> 8);
function quad(value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

/** A table with its header and checksum, newer than that of QEMU's firmware and by the same maker, so that it can replace it. */
function table(signature: string, revision: number, ...body: readonly Buffer[]): Buffer {
  const out = Buffer.concat([Buffer.alloc(36), ...body]);
  out.write(signature, 0, "latin1");
  out.writeUInt32LE(out.length, 4);
  out.writeUInt8(revision, 8);
  out.write("BOCHS BXPC    ", 10, "latin1");
  out.writeUInt32LE(0x7fff0000, 24);
  out.write("JTSN", 28, "latin1");
  out.writeUInt32LE(1, 32);
  const sum = out.reduce((total, byte) => total + byte, 0);
  out.writeUInt8(-sum & 0xff, 9);
  return out;
}

/** A device of a DMAR structure: its type, number, and path from bus 0xf0 or 0. */
const scope = (type: number, id: number, bus: number, device: number) =>
  bytes(type, 8, 0, 0, id, bus, device, 0);
const ioapic = scope(3, 0, 0xf0, 0x1f);
const graphics = scope(1, 0, 0, 2);

/** A remapping unit; with flag 1 for all devices that no other one has. */
function unit(base: number, flags = 1, ...scopes: readonly Buffer[]): Buffer {
  const length = 16 + 8 * scopes.length;
  return Buffer.concat([word(0), word(length), bytes(flags, 0, 0, 0), quad(base), ...scopes]);
}

const reserved = (first: number, last: number, of: Buffer) =>
  Buffer.concat([word(1), word(24 + of.length), bytes(0, 0, 0, 0), quad(first), quad(last), of]);

/** Flags: 1 remaps interrupts, 2 asks not to use x2APIC, 4 asks for DMA protection. */
const dmar = (flags: number, ...structures: readonly Buffer[]) =>
  table("DMAR", 1, bytes(38, flags), Buffer.alloc(10), ...structures);

/** QEMU's AMD-Vi, as PCI function `device`, with entries for devices. */
function ivhd(device: number, ...entries: readonly Buffer[]): Buffer {
  const length = 24 + entries.reduce((sum, entry) => sum + entry.length, 0);
  const head = [
    bytes(0x10, 0xb0),
    word(length),
    word(device),
    word(0x40),
    quad(0xfed80000),
    word(0),
    word(0),
  ];
  return Buffer.concat([...head, bytes(0x6e, 0x8f, 0x04, 0x80), ...entries]);
}
const allDevices = bytes(3, 8, 0, 0, 4, 0xfe, 0xff, 0);
const ivrsIoapic = bytes(0x48, 0, 0, 0xd7, 4, 0xa0, 0, 1);
const hpet = bytes(0x48, 0, 0, 0, 0, 0xa0, 0, 2);
/** Memory of device 0x60 that has to be mapped, from 0 and of no length. */
const emptyMemory = Buffer.concat([bytes(0x21, 7), word(0x20), word(0x60), Buffer.alloc(26)]);
const ivrs = (...blocks: readonly Buffer[]) =>
  table("IVRS", 2, bytes(0x40, 0x30, 0x20, 0), Buffer.alloc(8), ...blocks);

export const oddTables = {
  "dmar-address-0": dmar(1, unit(0)),
  // Where nothing is, reads give all ones.
  "dmar-all-ones": dmar(1, unit(0xfed90000, 1, ioapic)),
  "dmar-bad-rmrr": dmar(1, unit(0xfed90000, 1, ioapic), reserved(0x3e2e0000, 0x3e2fffff, graphics)),
  "dmar-no-ioapic": dmar(1, unit(0xfed90000)),
  "dmar-opt-in": dmar(5, unit(0xfed90000, 1, ioapic)),
  "dmar-x2apic-opt-out": dmar(3, unit(0xfed90000, 1, ioapic)),
  "dmar-no-unit": dmar(1),
  "dmar-graphics-only": dmar(1, unit(0xfed90000, 0, graphics)),
  "ivrs-empty-memory": ivrs(ivhd(2, allDevices, ivrsIoapic, hpet), emptyMemory),
  "ivrs-no-ioapic": ivrs(ivhd(2, allDevices)),
  "ivrs-no-device": ivrs(ivhd(0xff, allDevices, ivrsIoapic)),
  "ivrs-no-unit": ivrs(),
} as const satisfies Readonly<Record<string, Buffer>>;
export type OddTable = keyof typeof oddTables;

/**
 * Command lines of public projects: Firecracker's kernel policy, Kata Containers, libkrunfw, azurelinux, incus-os, Void
 * Linux, cloudpods, libvfn, nvmevirt, ACRN, kexec-tools; words that take the console from the test are left out.
 */
export const commandLines: readonly string[] = [
  "",
  "reboot=k panic=1 nomodule i8042.noaux i8042.nomux i8042.dumbkbd swiotlb=noforce pci=off",
  "reboot=k panic=1 nomodule i8042.noaux i8042.nomux i8042.dumbkbd swiotlb=noforce",
  "tsc=reliable no_timer_check rcupdate.rcu_expedited=1 noreplace-smp reboot=k cryptomgr.notests pci=lastbus=0",
  "panic=1 no_timer_check noreplace-smp",
  "reboot=k panic=-1 panic_print=0 nomodules rw no-kvmapf no-kvmclock",
  "noapic acpi=off reboot=k panic=1",
  "intel_iommu=on iommu=pt",
  "intel_iommu=on",
  "intel_iommu=igfx_off",
  "intel_iommu=on,igfx_off",
  "iommu=off",
  "vfio_iommu_type1.allow_unsafe_interrupts=1 intel_iommu=off",
  "amd_iommu=off iommu=off",
  "intremap=off",
  "swiotlb=131072",
  "irqpoll nr_cpus=1 reset_devices cgroup_disable=memory panic=10 swiotlb=noforce novmcoredd",
  "maxcpus=1",
  "init_on_free=1 page_poison=1 slub_debug=P",
  "spectre_v2=retpoline,generic retbleed=stuff",
];
