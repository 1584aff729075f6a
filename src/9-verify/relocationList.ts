// SPDX-License-Identifier: Apache-2.0
/**
 * Reads `vmlinux.relocs`, the list of places that the kernel adjusts when it runs at another address: every field
 * of the image that holds an absolute address of the image. Kbuild makes it from the relocations of `vmlinux`, which it then
 * removes. The file has lists of 32-bit words one after the other, each with a 0 before it: fields of 64 bits, fields of
 * 32 bits that are decreased (6.1, 6.12), fields of 32 bits that are increased (emit_relocs() in arch/x86/tools/relocs.c).
 */
import { fail } from "../diagnostics.js";

export interface AbsoluteField {
  /** Signed. */
  readonly address: number;
  readonly width: 4 | 8;
  /** It holds a distance to something that does not move with the kernel, and no address. */
  readonly isDistance: boolean;
}

export function* readRelocationList(file: string, bytes: Buffer): Generator<AbsoluteField> {
  if (bytes.byteLength % 4 !== 0 || bytes.byteLength < 4 || bytes.readUInt32LE(0) !== 0)
    fail("elf-malformed", { file, what: "it is not a list of relocations" });
  let lists = 0;
  for (let at = 0; at < bytes.byteLength; at += 4) if (bytes.readUInt32LE(at) === 0) lists++;
  let list = 0;
  for (let at = 0; at < bytes.byteLength; at += 4) {
    // The kernel's addresses are the last 2 GiB: their lower half, sign-extended.
    const address = bytes.readInt32LE(at);
    if (address === 0) list++;
    else yield { address, width: list === 1 ? 8 : 4, isDistance: lists === 3 && list === 2 };
  }
}
