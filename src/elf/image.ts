// SPDX-License-Identifier: Apache-2.0
/**
 * Reads linked kernel images. Their addresses lie in the last two gigabytes of 64 bits, which a double cannot
 * represent exactly; so they are read as signed numbers: 0xffffffff81000000 is -0x7f000000, exactly.
 */
import { fail } from "../diagnostics.js";
import { elfType, relaSize, sectionHeaderSize, sectionType, symbolSize } from "./format.js";
import { countRelocations, type ElfObject, type ObjectContent, readElf } from "./object.js";

export interface ElfImage extends ElfObject {
  /** By index of the section; signed. */
  readonly sectionAddress: Float64Array;
  /** By index of the symbol; signed. It stands in for `symbols.value`, which is rounded. */
  readonly symbolAddress: Float64Array;
}

/** The signed 64-bit number at an offset; exact where it is less than 2^53 from zero. */
export const signed64 = (view: DataView, offset: number) =>
  view.getUint32(offset, true) + view.getInt32(offset + 4, true) * 0x100000000;

export function readImage(file: string, input: Buffer | ObjectContent): ElfImage {
  const isImage = (type: number) => type === elfType.executable || type === elfType.shared;
  const elf = readElf(file, input, isImage, "it is no linked image");
  const { view, sections, symbols } = elf;
  const sectionAddress = new Float64Array(sections.length);
  for (let section = 0; section < sections.length; section++)
    sectionAddress[section] = signed64(view, elf.headersOffset + section * sectionHeaderSize + 16);
  const symbolAddress = new Float64Array(symbols.count);
  const table = symbols.count > 0 ? sections[symbols.section]!.offset : 0;
  for (let symbol = 0; symbol < symbols.count; symbol++)
    symbolAddress[symbol] = signed64(view, table + symbol * symbolSize + 8);
  return { ...elf, sectionAddress, symbolAddress };
}

export interface ImageRelocation {
  /** Address of the field. */
  readonly address: number;
  readonly type: number;
  readonly symbol: number;
  readonly addend: number;
}

/**
 * The places in `bytes` of the relocations that `ld --emit-relocs` left for a section, by the address that they change.
 */
export function findImageRelocations(image: ElfImage, section: number): Float64Array {
  const places: number[] = [];
  let isSorted = true;
  for (const rela of image.sections) {
    if (rela.type !== sectionType.rela || rela.info !== section) continue;
    const count = countRelocations(image, rela);
    for (let entry = 0; entry < count; entry++) {
      const at = rela.offset + entry * relaSize;
      const last = places.at(-1);
      isSorted &&= last === undefined || signed64(image.view, last) <= signed64(image.view, at);
      places.push(at);
    }
  }
  const sorted = Float64Array.from(places);
  return isSorted
    ? sorted
    : sorted.sort((a, b) => signed64(image.view, a) - signed64(image.view, b) || a - b);
}

export function readImageRelocation(image: ElfImage, at: number): ImageRelocation {
  const { view } = image;
  const symbol = view.getUint32(at + 12, true);
  if (symbol >= image.symbols.count)
    fail("elf-malformed", { file: image.file, offset: at, what: `symbol ${symbol} does not exist` });
  return {
    address: signed64(view, at),
    type: view.getUint32(at + 8, true),
    symbol,
    addend: signed64(view, at + 16),
  };
}
