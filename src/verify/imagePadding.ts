// SPDX-License-Identifier: Apache-2.0
/**
 * Whether the padding of which an image tells the kernel that it may go is padding: whole pages of `int3` in the
 * kernel's text, behind `int3`, in which no symbol lies and which no region has. That nothing refers to it is proved
 * as it is of a region.
 */
import { sectionFlag } from "../elf/format.js";
import type { Extent } from "./extents.js";
import type { ImageMap } from "./imageMap.js";
import { guardBytes, isFilled, pageBytes, type VerifiedRegion } from "./proof.js";

/** It belongs to a component of its own, with which nothing else leaves. */
export const paddingRegion: VerifiedRegion = {
  name: "padding",
  kind: "padding",
  pages: 0,
  owners: [],
  registersWhenInUse: false,
};

const rowBytes = 8;
const mostRows = 32;

/** The kernel's own table: pages from `_text` to the start of each piece, and how many there are in it. */
export function readPadding(
  addresses: ReadonlyMap<string, number>,
  readWord: (address: number) => number | undefined,
): Extent[] {
  const text = addresses.get("_text");
  const table = addresses.get("jettison_padding");
  const count = addresses.get("jettison_nr_padding");
  if (text === undefined || table === undefined || count === undefined) return [];
  const rows = Math.min(readWord(count) ?? 0, mostRows + 1); // one too many is found out below
  return Array.from({ length: rows }, (_, row) => {
    const start = text + (readWord(table + row * rowBytes) ?? 0) * pageBytes;
    const pages = readWord(table + row * rowBytes + 4) ?? 0;
    return { start, end: start + pages * pageBytes, name: paddingRegion.name };
  });
}

export function checkPadding(map: ImageMap): string[] {
  const { padding, image, addresses } = map;
  if (padding.length === 0) return [];
  const what: string[] = [];
  if (padding.length > mostRows) what.push(`the kernel's table has more than ${mostRows} pieces of padding`);
  const first = addresses.get("__jettison_text_start") ?? Number.NaN;
  const last = addresses.get("__jettison_text_end") ?? Number.NaN;
  padding.forEach(({ start, end }, index) => {
    const name = `the padding at ${map.describe(start)}`;
    const section = map.sectionAt(start);
    const offset = map.offsetOf(start - guardBytes, end - start + guardBytes);
    if (start >= end || start % pageBytes !== 0) what.push(`${name} is not made of whole pages`);
    else if (
      offset === undefined ||
      !(image.sections[section!.index]!.flags & sectionFlag.execute) ||
      !(start >= first && end <= last)
    )
      what.push(`${name} does not lie in the text that may leave`);
    else if (!isFilled(image.bytes.subarray(offset, offset + end - start + guardBytes)))
      what.push(`${name} is no padding`);
    if (start < (padding[index - 1]?.end ?? Number.NEGATIVE_INFINITY))
      what.push(`${name} does not come after the one before it`);
    for (const region of map.regions)
      if (start < region.end && region.start < end) what.push(`${name} overlaps region ${region.name}`);
  });
  for (const { start, end, name } of map.symbols) {
    // The end of what lies before may have a name.
    const piece = padding.find((one) => start < one.end && (start > one.start || end > one.start));
    if (piece !== undefined) what.push(`${name} lies in the padding at ${map.describe(piece.start)}`);
  }
  return what;
}
