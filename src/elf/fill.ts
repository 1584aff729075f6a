// SPDX-License-Identifier: Apache-2.0
/** What a linker has filled up in an image: runs of one byte that no symbol covers. */
import type { ElfImage } from "./image.js";

export interface Fill {
  /** Signed address of the first byte, and one past the last. */
  readonly start: number;
  readonly end: number;
  readonly byte: number;
}

/**
 * Between the end of a symbol and the start of the next one, the bytes before the latter that are all alike, where
 * they are at least so many. `symbols` need not be sorted, nor all be the section's.
 */
export function findFill(
  image: ElfImage,
  index: number,
  symbols: readonly { readonly address: number; readonly size: number }[],
  least: number,
): Fill[] {
  const section = image.sections[index]!;
  const start = image.sectionAddress[index]!;
  const end = start + section.size;
  const inside = symbols
    .filter(({ address }) => address >= start && address < end)
    .sort((a, b) => a.address - b.address);
  const found: Fill[] = [];
  let covered = start;
  for (const { address, size } of [...inside, { address: end, size: 0 }]) {
    if (address - covered >= least) {
      const from = section.offset + covered - start;
      const bytes = image.bytes.subarray(from, from + address - covered);
      const run = lengthOfLastRun(bytes);
      if (run >= least) found.push({ start: address - run, end: address, byte: bytes.at(-1)! });
    }
    covered = Math.max(covered, address + size);
  }
  return found;
}

function lengthOfLastRun(bytes: Buffer): number {
  const last = bytes.at(-1);
  let start = bytes.length;
  while (start > 0 && bytes[start - 1] === last) start--;
  return bytes.length - start;
}
