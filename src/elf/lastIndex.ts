// SPDX-License-Identifier: Apache-2.0

/** The index of the last element that starts at or before a place; -1 if none does. */
export function lastIndex(sorted: readonly { readonly start: number }[], place: number): number {
  let low = -1;
  let high = sorted.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.start <= place) low = middle;
    else high = middle;
  }
  return low;
}
