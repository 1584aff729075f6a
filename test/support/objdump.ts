// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { decodeInstruction, newInstruction } from "../../src/x86/x86.js";

/** Instructions that objdump has no name for, or takes for two. */
const unsure = /\(bad\)|\.byte|^rex[.\w]*$|^(data16|cs|repz|repnz|lock)( |$)/;
/** `fwait` is an instruction; with one of the coprocessor's behind it objdump shows the two as one. */
const isWait = (bytes: string) => bytes.startsWith("9b ") && bytes.length > 3;

/**
 * Compares the length of every instruction in a file with what objdump makes of it. Gives their number and the lines
 * in which the two differ.
 */
export async function compareWithObjdump(
  file: string,
): Promise<{ instructions: number; differing: string[] }> {
  const { stdout } = spawn("objdump", ["-d", "-w", "-z", file], { stdio: ["ignore", "pipe", "inherit"] });
  const instruction = newInstruction();
  const code = Buffer.alloc(32);
  const differing: string[] = [];
  let instructions = 0;
  for await (const line of createInterface({ input: stdout })) {
    const [address, bytes, text] = line.split("\t");
    if (address === undefined || bytes === undefined || !address.endsWith(":")) continue;
    const length = bytes.trimEnd().length + 1;
    code.fill(0);
    code.write(bytes.replaceAll(" ", ""), "hex");
    instructions++;
    const isKnown = decodeInstruction(code, 0, code.byteLength, instruction);
    if (isKnown && instruction.length * 3 === length) continue;
    if (text === undefined || unsure.test(text) || isWait(bytes)) continue;
    differing.push(line);
  }
  return { instructions, differing };
}
