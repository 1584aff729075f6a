// SPDX-License-Identifier: Apache-2.0
import { formatPlace } from "../diagnostics.js";
import { lastIndex } from "../elf/lastIndex.js";

/** Finds the range that contains a place: the greatest start at or before it, then a check of the end. */
export interface Extent {
  readonly start: number;
  /** One past the last. */
  readonly end: number;
  readonly name: string;
}

/**
 * If several ranges start together, the longest comes last and is found. If one range has several names, those that
 * the link itself gave come first and the first of the alphabet last: the order of symbols differs between
 * `vmlinux.o` and the image.
 */
export const sortExtents = <T extends Extent>(extents: T[]): T[] =>
  extents.sort((a, b) => a.start - b.start || a.end - b.end || compareNames(b.name, a.name));

const isOwn = (name: string) => Number(name.startsWith("__jettison_"));
const compareNames = (a: string, b: string) => isOwn(a) - isOwn(b) || (a < b ? -1 : Number(a > b));

/** The last element that starts at or before a place. */
export const findLast = <T extends { readonly start: number }>(
  sorted: readonly T[],
  place: number,
): T | undefined => sorted[lastIndex(sorted, place)];

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
  const index = lastIndex(sorted, place);
  const found = sorted[index];
  if (found !== undefined && place < found.end) return found;
  return {
    start: found?.end ?? Number.NEGATIVE_INFINITY,
    end: sorted[index + 1]?.start ?? Number.POSITIVE_INFINITY,
  };
}

/**
 * The names of what lies at a place or no more than `distance` beside it, that at the place first; "" is what has no
 * name. A pointer may stand just outside of the object that it means, and a field before the end of its instruction.
 */
export function namesNear(sorted: readonly Extent[], place: number, distance: number): readonly string[] {
  const names = new Set([findAround(sorted, place)?.name ?? ""]);
  for (let at = place - distance; at <= place + distance; ) {
    const { end } = stretchAround(sorted, at);
    names.add(findAround(sorted, at)?.name ?? "");
    at = Math.max(end, at + 1);
  }
  return [...names];
}

/** `vmlinux.o:(.text)+0x1c (caller)` */
export const describePlace = (file: string, section: string, offset: number, around: string) =>
  `${formatPlace(file, section, offset)}${around === "" ? "" : ` (${around})`}`;
