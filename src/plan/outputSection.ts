// SPDX-License-Identifier: Apache-2.0
/**
 * The section of the linked kernel that contains an input section. Source: include/asm-generic/vmlinux.lds.h and
 * arch/x86/kernel/vmlinux.lds.S of 6.1 and 6.12. The first row whose pattern matches counts. If the image has a section of
 * the input section's own name, that is the one.
 */
import type { Role } from "../2-catalogue/sections.js";
import type { Kind } from "../elf/kind.js";

const rows: readonly (readonly [RegExp, string])[] = [
  [/^\.(init\.text|text\.startup)/, ".init.text"],
  [/^\.text\.exit$/, ".exit.text"],
  [/^\.pci_fixup_/, ".pci_fixup"],
  [/^\.data\.\.percpu/, ".data..percpu"],
  [/^\.bss\.\.percpu/, ".data..percpu"],
  [/^\.bss\.\.brk/, ".brk"],
  [/^\.data\.\.ro_after_init$|^\.data\.rel\.ro/, ".rodata"],
  [/^__tracepoints_ptrs$|^__(stop|dl|rt|fair|ext|idle)_sched_class$/, ".rodata"],
  [/^_ftrace_e|^__syscalls_metadata$/, ".init.data"],
];

/** Most sections are a function's or an object's, and no row is for these. */
const isSpecial = /^\.(?:init|text\.(?:startup|exit)|pci_fixup|data\.[.r]|bss\.\.)|^_/;

const ofKind: Record<Kind, string> = { text: ".text", rodata: ".rodata", data: ".data", bss: ".bss" };

/** undefined: it leaves no bytes in the image. Tables that only describe code are not asked about. */
export function placeSection(
  name: string,
  kind: Kind,
  role: Role,
  isInImage: (section: string) => boolean,
): string | undefined {
  if (role === "exports" || role === "discarded") return undefined;
  if (isInImage(name)) return name;
  const found = isSpecial.test(name) ? rows.find(([pattern]) => pattern.test(name)) : undefined;
  if (found !== undefined) return found[1];
  return role === "init" && kind !== "text" ? ".init.data" : ofKind[kind];
}
