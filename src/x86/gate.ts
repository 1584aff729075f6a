// SPDX-License-Identifier: Apache-2.0
/** A gate: as the link writes it, and as the proof reads it. docs/design.md, "Tables for the kernel". */

export interface GateText {
  readonly symbol: string;
  /** The flag that shuts it, a byte. */
  readonly flag: string;
  /** The function that it stands for. */
  readonly target: string;
  /** The function that a shut one jumps to, or the row by which it names itself to the kernel. */
  readonly shut: { readonly other: string } | { readonly row: string };
  /** Different for each gate. */
  readonly label: string;
}

/**
 * An open gate costs a comparison with memory and a jump; registers are as the caller left them. So they are in a shut
 * one that another function answers for. The kernel's macro for functions that are called through pointers: before 7.3 any
 * function had a landing pad.
 */
export const gateCode = ({ symbol, flag, target, shut, label }: GateText): string[] => [
  `SYM_TYPED_FUNC_START(${symbol})`,
  `\tcmpb\t$0, ${flag}(%rip)`,
  `\tjne\t${label}`,
  `\tjmp\t${target}`,
  `${label}:`,
  ...("other" in shut
    ? [`\tjmp\t${shut.other}`]
    : [`\tleaq\t${shut.row}(%rip), %rdi`, "\tjmp\tjettison_shut_gate"]),
  `SYM_FUNC_END(${symbol})`,
  "",
];

/** Marks where an indirect call may lead; 32 bits, little endian. */
export const endbr64 = 0xfa1e0ff3;

/** The bytes of an instruction before its PC-relative field. */
export const gateOpcodes = {
  /** `cmpb $..., ...(%rip)` */
  test: new Set(["803d"]),
  /** `jne` */
  leave: new Set(["75", "0f85"]),
  /** `leaq ...(%rip), %rdi` */
  name: new Set(["488d3d"]),
  jump: new Set(["e9", "eb"]),
} as const;
