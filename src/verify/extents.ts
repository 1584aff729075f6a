// SPDX-License-Identifier: Apache-2.0
import { formatPlace } from "../diagnostics.js";

/** Which of many ranges holds a place: the greatest start that is not beyond it, then the end. */
export interface Extent {
  readonly start: number;
  /** One past the last. */
  readonly end: number;
  readonly name: string;
}

/** Of those that start together the longest comes last, and is the one that is found. */
export const sortExtents = <T extends { readonly start: number; readonly end: number }>(extents: T[]): T[] =>
  extents.sort((a, b) => a.start - b.start || a.end - b.end);

/** The last element that starts at or before a place. */
export function findLast<T extends { readonly start: number }>(
  sorted: readonly T[],
  place: number,
): T | undefined {
  let low = -1;
  let high = sorted.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.start <= place) low = middle;
    else high = middle;
  }
  return sorted[low];
}

/** The extent that holds a place; they do not overlap but for those that start together. */
export function findAround<T extends { readonly start: number; readonly end: number }>(
  sorted: readonly T[],
  place: number,
): T | undefined {
  const found = findLast(sorted, place);
  return found !== undefined && place < found.end ? found : undefined;
}

/** The extent that holds a place, or the gap between extents: a string has no symbol. */
export function stretchAround<T extends { readonly start: number; readonly end: number }>(
  sorted: readonly T[],
  place: number,
): { readonly start: number; readonly end: number } {
  const found = findLast(sorted, place);
  if (found !== undefined && place < found.end) return found;
  const start = found?.end ?? Number.NEGATIVE_INFINITY;
  return { start, end: sorted[found === undefined ? 0 : sorted.indexOf(found) + 1]?.start ?? Infinity };
}

/** `vmlinux.o:(.text)+0x1c (caller)` */
export const describePlace = (file: string, section: string, offset: number, around: string) =>
  `${formatPlace(file, section, offset)}${around === "" ? "" : ` (${around})`}`;
