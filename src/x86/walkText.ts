// SPDX-License-Identifier: Apache-2.0
import { decodeInstruction, type Instruction, newInstruction } from "./instructionLength.js";

/**
 * Decodes code instruction by instruction, and restarts at every symbol, because bytes between functions need
 * not be code. `starts` holds the offsets of symbols, in ascending order. Returns the number of instructions, and of
 * bytes that are not instructions.
 */
export function walkText(
  code: Uint8Array,
  starts: readonly number[],
  visit: (offset: number, instruction: Instruction) => void,
): { readonly instructions: number; readonly undecoded: number } {
  const instruction = newInstruction();
  let instructions = 0;
  let undecoded = 0;
  let next = 0;
  for (let offset = 0; offset < code.byteLength; ) {
    while (next < starts.length && starts[next]! <= offset) next++;
    const end = Math.min(starts[next] ?? code.byteLength, code.byteLength);
    if (decodeInstruction(code, offset, end, instruction)) {
      visit(offset, instruction);
      instructions++;
      offset += instruction.length;
    } else {
      undecoded++;
      offset++;
    }
  }
  return { instructions, undecoded };
}
