// SPDX-License-Identifier: Apache-2.0
import { decodeInstruction, type Instruction, newInstruction } from "./instructionLength.js";

/**
 * Goes through code, instruction by instruction, and starts anew at every symbol: what lies between functions need
 * not be code. `starts` holds the offsets of symbols, in ascending order. Gives the number of instructions and of
 * bytes that are none.
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
