// SPDX-License-Identifier: Apache-2.0
/**
 * The length of an x86-64 instruction, and which of its bytes hold an address (Intel SDM, volume 2, chapter 2 and
 * appendix A): prefixes, opcode of the maps 0F, 0F 38, 0F 3A, VEX and EVEX, ModRM, SIB, displacement, immediate.
 * For an opcode it knows only which bytes follow. Example: `81 3d <disp32> <imm32>`, cmpl with a PC-relative
 * operand, has length 10, and its address counts from the end of the instruction, not from the end of the field.
 */

/** Filled in by `decodeInstruction`; offsets are from the instruction's first byte, 0 where it has none. */
export interface Instruction {
  length: number;
  /** A PC-relative field: the distance from the end of the instruction. */
  relativeAt: number;
  /** Bytes of that field: 1 or 4. */
  relativeWidth: number;
  /** The PC-relative field is where the instruction jumps to, not where it reads or writes. */
  isBranch: boolean;
  /** A displacement of four bytes that is not PC-relative. */
  displacementAt: number;
  /** An immediate, or the address of a move to or from the accumulator. */
  immediateAt: number;
  immediateWidth: number;
}

export const newInstruction = (): Instruction => ({
  length: 0,
  relativeAt: 0,
  relativeWidth: 0,
  isBranch: false,
  displacementAt: 0,
  immediateAt: 0,
  immediateWidth: 0,
});

/** Bytes that follow an opcode. */
const nothing = 0;
const modrm = 1;
const byte = 2;
/** Four bytes, or two with an operand-size prefix. */
const full = 4;
const relative8 = 8;
const relative32 = 16;
const word = 32;
/** Control and debug registers have no memory form: the mode bits of their ModRM byte mean nothing. */
const register = 64;
/** `mov` of a constant of the register's size. */
const constant = 128;
/** `mov` between the accumulator and an address that stands in the instruction. */
const address = 256;
/** `test` is the only one of its group that has an immediate. */
const test8 = 512;
const test32 = 1024;
/** SSE4a's `extrq` and `insertq`, which a prefix distinguishes from `vmread`, take two immediates. */
const extract = 2048;
const none = 4096;

function fill(table: Uint16Array, opcodes: string, value: number): void {
  for (const part of opcodes.split(" ")) {
    const [first, last = first] = part.split("-").map((digits) => Number.parseInt(digits, 16));
    table.fill(value, first, last! + 1);
  }
}

const oneByte = new Uint16Array(256);
for (const row of [0x00, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38]) {
  oneByte.fill(modrm, row, row + 4);
  oneByte[row + 4] = byte;
  oneByte[row + 5] = full;
}
fill(oneByte, "06 07 0e 16 17 1e 1f 27 2f 37 3f 60 61 82 9a ce d4-d6 ea", none);
fill(oneByte, "63 84-8f d0-d3 d8-df fe ff", modrm);
fill(oneByte, "68 a9", full);
fill(oneByte, "6a a8 b0-b7 cd e4-e7", byte);
fill(oneByte, "69 81 c7", modrm | full);
fill(oneByte, "6b 80 83 c0 c1 c6", modrm | byte);
fill(oneByte, "70-7f e0-e3 eb", relative8);
fill(oneByte, "e8 e9", relative32);
fill(oneByte, "c2 ca", word);
fill(oneByte, "c8", word | byte);
fill(oneByte, "a0-a3", address);
fill(oneByte, "b8-bf", constant);
fill(oneByte, "f6", modrm | test8);
fill(oneByte, "f7", modrm | test32);

const twoByte = new Uint16Array(256).fill(modrm);
fill(twoByte, "05-09 0b 0e 30-35 37 77 a0-a2 a8-aa c8-cf", nothing);
fill(twoByte, "04 0a 0c 24-27 36 39 3b-3f 7a 7b", none);
fill(twoByte, "0f 70-73 a4 ac ba c2 c4-c6", modrm | byte);
fill(twoByte, "20-23", modrm | register);
fill(twoByte, "78", modrm | extract);
fill(twoByte, "80-8f", relative32);

/** Maps of VEX and EVEX: 1, 2 and 3 stand for 0F, 0F 38 and 0F 3A; 5 and 6 are those of half precision. */
function vectorOpcode(map: number, opcode: number): number {
  if (map === 3) return modrm | byte;
  if (map === 2 || map === 5 || map === 6) return modrm;
  if (map !== 1) return none;
  if (opcode === 0x77) return nothing;
  return twoByte[opcode]! & byte ? modrm | byte : modrm;
}

const isPrefix = new Uint16Array(256);
fill(isPrefix, "26 2e 36 3e 64-67 f0 f2 f3", 1);

/** No instruction is longer (SDM, 2.3.11). */
const longest = 15;

/**
 * Decodes the instruction at `at`, whose bytes end before `end`. False: none starts there that 64-bit mode knows,
 * or it does not end in time; what is in `into` then means nothing.
 */
export function decodeInstruction(bytes: Uint8Array, at: number, end: number, into: Instruction): boolean {
  let next = at;
  let isShort = false;
  let isRepne = false;
  let hasShortAddress = false;
  let isLong = false;
  for (; next < end && isPrefix[bytes[next]!]; next++) {
    const prefix = bytes[next]!;
    isShort ||= prefix === 0x66;
    isRepne ||= prefix === 0xf2;
    hasShortAddress ||= prefix === 0x67;
  }
  if (next < end && bytes[next]! >> 4 === 4) isLong = (bytes[next++]! & 8) !== 0;

  // Bytes read past `end` here only make an instruction that is refused for its length.
  let opcode = bytes[next++]!;
  let follows = oneByte[opcode]!;
  if (opcode === 0x0f) {
    opcode = bytes[next++]!;
    follows = twoByte[opcode]!;
    if (opcode === 0x38 || opcode === 0x3a) {
      follows = opcode === 0x38 ? modrm : modrm | byte;
      next++;
    }
  } else if (opcode === 0xc5) {
    follows = vectorOpcode(1, bytes[next + 1]!);
    next += 2;
  } else if (opcode === 0xc4) {
    follows = vectorOpcode(bytes[next]! & 0x1f, bytes[next + 2]!);
    next += 3;
  } else if (opcode === 0x62) {
    follows = vectorOpcode(bytes[next]! & 7, bytes[next + 3]!);
    next += 4;
  }

  into.relativeAt = 0;
  into.relativeWidth = 0;
  into.isBranch = false;
  into.displacementAt = 0;
  let immediate = 0;
  if (follows & modrm) {
    const operand = bytes[next++]!;
    const mode = follows & register ? 3 : operand >> 6;
    const isIndexed = mode !== 3 && (operand & 7) === 4;
    const base = isIndexed ? bytes[next++]! & 7 : operand & 7;
    if (mode === 0 && base === 5) {
      // Without an index this is counted from the instruction's end, with one it stands for itself.
      if (isIndexed) into.displacementAt = next - at;
      else setRelative(into, next - at, 4);
    } else if (mode === 2) into.displacementAt = next - at;
    if (mode === 1) next += 1;
    else if (mode === 2 || (mode === 0 && base === 5)) next += 4;

    if (opcode === 0xc7 && operand === 0xf8 && follows & full) {
      // xbegin: where to go on when the transaction is given up
      follows = relative32;
    } else if ((operand & 0x30) === 0) {
      if (follows & test8) immediate = 1;
      if (follows & test32) follows |= full;
    }
    if (follows & extract && (isShort || isRepne)) immediate = 2;
  }
  if (follows & (relative8 | relative32)) {
    const width = follows & relative8 ? 1 : 4;
    setRelative(into, next - at, width);
    into.isBranch = true;
    next += width;
  }
  if (follows & byte) immediate += 1;
  if (follows & word) immediate += 2;
  if (follows & full) immediate += isShort && !isLong ? 2 : 4;
  if (follows & constant) immediate = isLong ? 8 : isShort ? 2 : 4;
  if (follows & address) immediate = hasShortAddress ? 4 : 8;
  into.immediateAt = immediate > 0 ? next - at : 0;
  into.immediateWidth = immediate;
  next += immediate;
  into.length = next - at;
  return (follows & none) === 0 && next <= end && into.length <= longest;
}

function setRelative(into: Instruction, at: number, width: number): void {
  into.relativeAt = at;
  into.relativeWidth = width;
}
