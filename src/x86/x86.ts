// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that the passes and the proof know of the processor. Code outside of this folder imports only this file: a second
 * architecture is a folder with the same exports.
 */
export { type FieldUse, takesAddress, useOfField } from "./fields.js";
export { endbr64, gateCode, gateOpcodes } from "./gate.js";
export { callsIndirectly } from "./indirectCalls.js";
export { decodeInstruction, type Instruction, newInstruction } from "./instructionLength.js";
export { pageSize } from "./pageSize.js";
export { isRelative, relocationType, relocationWidth } from "./relocations.js";
export { walkText } from "./walkText.js";

/** `int3`: the kernel fills its text with it. */
export const textFill = 0xcc;
