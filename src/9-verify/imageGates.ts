// SPDX-License-Identifier: Apache-2.0
/**
 * Checks the gates of an image. Each consists of these instructions and no others, and tests the flag of the
 * very region in which its function lies before it jumps there. A shut gate passes its row to the kernel and does nothing else.
 * All code with the name of a gate has to be one.
 *
 *     [endbr64]; cmpb $0, jettison_region_shut + <region>(%rip); jne 1f; jmp <function>
 *     1: leaq jettison_gates + 32 * <n>(%rip), %rdi; jmp jettison_shut_gate
 *
 * If another function answers, the last line is `1: jmp <other>`, and the gate's row names the other function, which lies in
 * no region: otherwise the row, which is data that stays, would be a violation.
 */

import { sectionFlag } from "../elf/format.js";
import { decodeInstruction, endbr64, gateOpcodes, newInstruction } from "../x86/x86.js";
import type { VerifiedRegion } from "./claims.js";
import type { Extent } from "./extents.js";
import { type ImageMap, readPointer, readWord } from "./imageMap.js";
import { isGate } from "./proof.js";

const rowBytes = 32;
/** In a row's flags: its answer is the address of the function that answers. */
const answersByFunction = 8;
/** Whether an instruction is one that a gate has at a place. */
const is = (step: Step | undefined, place: keyof typeof gateOpcodes) =>
  step !== undefined && gateOpcodes[place].has(step.code);

export function checkGates(map: ImageMap, regions: readonly VerifiedRegion[]): string[] {
  const isCode = (address: number) =>
    ((map.image.sections[map.sectionAt(address)?.index ?? 0]?.flags ?? 0) & sectionFlag.execute) !== 0;
  return map.symbols
    .filter(({ name, start }) => isGate(name) && isCode(start))
    .flatMap((gate) => checkGate(map, regions, gate));
}

function checkGate(map: ImageMap, regions: readonly VerifiedRegion[], gate: Extent): string[] {
  const steps = decodeGate(map, gate);
  const [test, jumpAway, enter, ...shut] = steps;
  const flags = map.addresses.get("jettison_region_shut") ?? 0;
  const rows = map.addresses.get("jettison_gates") ?? 0;
  if (
    !is(test, "test") ||
    test!.immediate !== 0 ||
    !is(jumpAway, "leave") ||
    jumpAway?.target !== shut[0]?.start ||
    !is(enter, "jump") ||
    !(shut.length === 1 ? is(shut[0], "jump") : isReport(map, shut))
  )
    return [`${gate.name} is no gate`];
  const index = test!.target - flags;
  if (regions[index] === undefined || map.regionAt(enter!.target) !== regions[index])
    return [`${gate.name} does not look at the region that it leads into`];
  const row = shut.length === 1 ? findRow(map, rows, gate) : shut[0].target;
  if (
    row === undefined ||
    (row - rows) % rowBytes !== 0 ||
    readPointer(map, row + 8) !== gate.start ||
    readWord(map, row + 24) !== index
  )
    return [`${gate.name} calls itself another gate`];
  const other = (readWord(map, row + 28) ?? 0) & answersByFunction ? readPointer(map, row + 16) : undefined;
  if (other !== (shut.length === 1 ? shut[0].target : undefined))
    return [`${gate.name} does not answer as its row says`];
  if (other !== undefined && (map.regionAt(other) !== undefined || map.sectionAt(other)?.name !== ".text"))
    return [`${gate.name} has somebody answer who does not stay`];
  return [];
}

const isReport = (map: ImageMap, [name, leave, ...more]: readonly Step[]) =>
  is(name, "name") &&
  is(leave, "jump") &&
  leave?.target === map.addresses.get("jettison_shut_gate") &&
  more.length === 0;

/** The row of a gate that does not name one. The image bounds the table, however many rows it says that it has. */
function findRow(map: ImageMap, rows: number, gate: Extent): number | undefined {
  const count = readWord(map, map.addresses.get("jettison_nr_gates") ?? 0) ?? 0;
  for (let index = 0; index < count; index++) {
    const entry = readPointer(map, rows + index * rowBytes + 8);
    if (entry === undefined) return undefined;
    if (entry === gate.start) return rows + index * rowBytes;
  }
  return undefined;
}

interface Step {
  readonly start: number;
  /** Its bytes before the PC-relative field. */
  readonly code: string;
  /** Where its PC-relative field leads; NaN where it has none. */
  readonly target: number;
  readonly immediate: number;
}

/** The instructions of a gate, without what marks its beginning; none where not all of it is instructions. */
function decodeGate({ image, offsetOf }: ImageMap, { start, end }: Extent): Step[] {
  const { bytes, view } = image;
  const first = offsetOf(start, end - start);
  const steps: Step[] = [];
  if (first === undefined) return steps;
  const last = first + (end - start);
  const instruction = newInstruction();
  let at = last - first >= 4 && view.getUint32(first, true) === endbr64 ? first + 4 : first;
  while (at < last && decodeInstruction(bytes, at, last, instruction)) {
    const { length, relativeAt, relativeWidth, immediateAt } = instruction;
    const address = start + (at - first);
    const distance =
      relativeWidth === 4
        ? view.getInt32(at + relativeAt, true)
        : relativeWidth === 1
          ? view.getInt8(at + relativeAt)
          : Number.NaN;
    steps.push({
      start: address,
      code: bytes.toString("hex", at, at + relativeAt),
      target: address + length + distance,
      immediate: immediateAt === 0 ? 0 : bytes[at + immediateAt]!,
    });
    at += length;
  }
  return at === last ? steps : [];
}
