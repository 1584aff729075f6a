// SPDX-License-Identifier: Apache-2.0
/** `.altinstr_replacement`: code that the kernel copies over other code at boot, as `.altinstructions` lists it. */
import { lastIndex } from "../elf/lastIndex.js";

export interface Replacement {
  readonly start: number;
  /** One past its last byte. */
  readonly end: number;
}

/** `replacementlen` of `struct alt_instr` is one byte, its last. */
const longestReplacement = 255;

/** The pieces that a place is part of; `sorted` by their starts. One piece may be copied over several instructions. */
export function replacementsAt<T extends Replacement>(sorted: readonly T[], place: number): readonly T[] {
  const found: T[] = [];
  for (let at = lastIndex(sorted, place); at >= 0 && sorted[at]!.start >= place - longestReplacement; at--)
    if (place < sorted[at]!.end) found.push(sorted[at]!);
  return found;
}
