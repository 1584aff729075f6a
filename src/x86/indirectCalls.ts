// SPDX-License-Identifier: Apache-2.0
import { walkText } from "./walkText.js";

const isPrefix = (byte: number) =>
  [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(byte) || (byte & 0xf0) === 0x40;

/** `call *` and `jmp *` (ff /2 to /5), near and far. Code that cannot be decoded counts as one. With retpolines thunks are called instead. */
export function callsIndirectly(code: Uint8Array): boolean {
  let found = false;
  const { undecoded } = walkText(code, [], (offset) => {
    let at = offset;
    while (isPrefix(code[at]!)) at++;
    const operation = (code[at + 1]! >> 3) & 7;
    if (code[at] === 0xff && operation >= 2 && operation <= 5) found = true;
  });
  return found || undecoded > 0;
}
