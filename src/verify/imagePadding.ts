// SPDX-License-Identifier: Apache-2.0
/**
 * Whether the padding of which an image tells the kernel that it may go is padding: whole pages of `int3` in the
 * kernel's text, behind `int3`, in which no symbol lies and which no region has. That nothing refers to it is proved
 * as it is of a region.
 */
import { sectionFlag } from "../elf/format.js";
import type { PaddingPiece } from "./claims.js";
import type { ImageMap } from "./imageMap.js";
import { mostRows } from "./paddingTable.js";
import { guardBytes, isFilled, pageBytes } from "./proof.js";

/** `claimed`: what the link says to have written into the kernel's table. */
export function checkPadding(map: ImageMap, claimed: readonly PaddingPiece[]): string[] {
  const { padding, image, addresses } = map;
  const text = addresses.get("_text") ?? Number.NaN;
  const isClaimed =
    padding.length === claimed.length &&
    claimed.every(({ page, pages }, index) => {
      const start = text + page * pageBytes;
      return padding[index]!.start === start && padding[index]!.end === start + pages * pageBytes;
    });
  const what = isClaimed ? [] : ["the kernel's table has other padding than the link has found"];
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
