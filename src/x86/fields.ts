// SPDX-License-Identifier: Apache-2.0
import { relocationType } from "./relocations.js";

/** How code uses the field of a relocation: to branch, to take an address, or to read or write. */
export type FieldUse = "branch" | "address" | "data";

/**
 * `call`, `jmp` and `jcc` have their opcode right before the field. An instruction with a PC-relative operand has a
 * ModRM byte there, with mod 0 and rm 5 (Intel SDM, table 2-2), and its opcode before that: `lea`, 8d, takes the
 * address, all others read or write what is there. Any other field holds an address, or may: where an absolute field
 * is a displacement cannot be told from the bytes before it, which an immediate can have too.
 */
export function useOfField(type: number, isCode: boolean, bytes: Uint8Array, field: number): FieldUse {
  if (type === relocationType.plt32) return "branch";
  if (type !== relocationType.pc32 || !isCode) return "address";
  const [before, last] = [bytes[field - 2]!, bytes[field - 1]!];
  if (last === 0xe8 || last === 0xe9 || ((last & 0xf0) === 0x80 && before === 0x0f)) return "branch";
  return (last & 0xc7) === 0x05 && before !== 0x8d ? "data" : "address";
}

/** Whether the instruction whose memory operand is the field at `field` is `lea`. */
export const takesAddress = (bytes: Uint8Array, field: number) => bytes[field - 2] === 0x8d;
