// SPDX-License-Identifier: Apache-2.0
/** The fill that a linker put into an image: runs of one byte that no symbol covers. */
import { sectionFlag, sectionType } from "./format.js";
import type { ElfImage } from "./image.js";
import type { Section } from "./object.js";

export interface Fill {
  /** Signed address of the first byte, and one past the last. */
  readonly start: number;
  readonly end: number;
  readonly byte: number;
}

/**
 * Between the end of a symbol and the start of the next one, the bytes before the latter that are all alike, where
 * they are at least so many. Bytes that are not in the file are zeros. `symbols` need not be sorted, nor all be the
 * section's.
 *
 * Zeros are what a variable looks like, too. So data is filled up only behind an object whose end is known: what a
 * symbol without a size begins, or a section without any, is taken to go on up to the next symbol.
 */
export function findFill(
  image: ElfImage,
  index: number,
  symbols: readonly { readonly address: number; readonly size: number }[],
  least: number,
): Fill[] {
  const section = image.sections[index]!;
  const isCode = (section.flags & sectionFlag.execute) !== 0;
  const start = image.sectionAddress[index]!;
  const end = start + section.size;
  const inside = symbols
    .filter(({ address }) => address >= start && address < end)
    .sort((a, b) => a.address - b.address || a.size - b.size);
  const found: Fill[] = [];
  let covered = start;
  let isEndKnown = isCode;
  for (const { address, size } of [...inside, { address: end, size: 0 }]) {
    if (isEndKnown && address - covered >= least) {
      const last = lastRun(image, section, covered - start, address - start);
      if (last.bytes >= least) found.push({ start: address - last.bytes, end: address, byte: last.byte });
    }
    if (size > 0 ? address + size > covered : address >= covered) isEndKnown = isCode || size > 0;
    covered = Math.max(covered, address + size);
  }
  return found;
}

/** How many bytes before `to` are alike, from `from` on. */
function lastRun(
  image: ElfImage,
  section: Section,
  from: number,
  to: number,
): { bytes: number; byte: number } {
  if (section.type === sectionType.nobits) return { bytes: to - from, byte: 0 };
  const { bytes } = image;
  const byte = bytes[section.offset + to - 1]!;
  let start = to;
  while (start > from && bytes[section.offset + start - 1] === byte) start--;
  return { bytes: to - start, byte };
}
