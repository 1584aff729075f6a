// SPDX-License-Identifier: Apache-2.0
/**
 * Checks that the padding in the kernel's table is padding: whole pages of `int3` in the kernel's text,
 * behind `int3`, or of zeros in its data, behind an object whose end is known. No symbol lies in it, and no region
 * overlaps it. References to it are checked like those to a region.
 */

import { sectionFlag, sectionType } from "../elf/format.js";
import { pageSize } from "../x86/x86.js";
import type { PaddingPiece } from "./claims.js";
import type { ImageMap } from "./imageMap.js";
import { mostRows } from "./paddingTable.js";
import { guardBytes, isFilled } from "./proof.js";

/** `claimed`: the padding that the link has written into the kernel's table, according to the claims. */
export function checkPadding(map: ImageMap, claimed: readonly PaddingPiece[]): string[] {
  const { padding, addresses } = map;
  const text = addresses.get("_text") ?? Number.NaN;
  const isClaimed =
    padding.length === claimed.length &&
    claimed.every(({ page, pages }, index) => {
      const start = text + page * pageSize;
      return padding[index]!.start === start && padding[index]!.end === start + pages * pageSize;
    });
  const what = isClaimed ? [] : ["the kernel's table has other padding than the link has found"];
  if (padding.length > mostRows) what.push(`the kernel's table has more than ${mostRows} pieces of padding`);
  padding.forEach(({ start, end }, index) => {
    const name = `the padding at ${map.describe(start)}`;
    if (start >= end || start % pageSize !== 0) what.push(`${name} is not made of whole pages`);
    else what.push(...(isIn(map, places.text, start, end) ? checkCode : checkData)(map, start, end, name));
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

const places = {
  text: ["__jettison_text_start", "__jettison_text_end"],
  data: ["_sdata", "_edata"],
  bss: ["__bss_start", "__bss_stop"],
} as const;

const isIn = (
  { addresses }: ImageMap,
  [first, last]: readonly [string, string],
  start: number,
  end: number,
) => start >= (addresses.get(first) ?? Number.NaN) && end <= (addresses.get(last) ?? Number.NaN);

function checkCode(map: ImageMap, start: number, end: number, name: string): string[] {
  const { sections, bytes } = map.image;
  const section = map.sectionAt(start);
  const offset = map.offsetOf(start - guardBytes, end - start + guardBytes);
  if (offset === undefined || !(sections[section!.index]!.flags & sectionFlag.execute))
    return [`${name} does not lie in the text that may leave`];
  return isFilled(bytes.subarray(offset, offset + end - start + guardBytes)) ? [] : [`${name} is no padding`];
}

/** In data zeros may be a variable: what lies before it, in the same section, has to end, guard bytes before it. */
function checkData(map: ImageMap, start: number, end: number, name: string): string[] {
  const { image, symbols } = map;
  const section = map.sectionAt(start);
  const { flags = 0, type } = image.sections[section?.index ?? 0] ?? {};
  const isWritable = (flags & sectionFlag.write) !== 0 && !(flags & sectionFlag.execute);
  const isPlaced = isIn(map, places.data, start, end) || isIn(map, places.bss, start, end);
  if (section === undefined || end > section.end || !isWritable || !isPlaced)
    return [`${name} does not lie in text, data or bss that may leave`];
  if (type !== sectionType.nobits) {
    const offset = map.offsetOf(start - guardBytes, end - start + guardBytes);
    if (offset === undefined || image.bytes.subarray(offset, offset + end - start + guardBytes).some(Boolean))
      return [`${name} is no padding`];
  }
  const before = symbols.filter((one) => one.start >= section.start && one.start <= start);
  const last = before.reduce((most, one) => Math.max(most, one.end), section.start);
  // A label there, where the object before it ends, may begin something that has no size.
  const isObject =
    before.some((one) => one.end === last && one.start < last) && !before.some((one) => one.start === last);
  return isObject && last + guardBytes <= start ? [] : [`${name} may belong to what lies before it`];
}
