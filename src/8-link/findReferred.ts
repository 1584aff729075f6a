// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the addresses in some ranges of a linked image that anything seems to refer to. A number that looks like such an
 * address counts as a reference; its only effect is that padding stays. The proof searches in its own way
 * (`src/9-verify/verifyImage.ts`), and fails if something was overlooked here.
 */

import { sectionFlag, sectionType, symbolType } from "../elf/format.js";
import { type ElfImage, findImageRelocations, readImageRelocation, signed64 } from "../elf/image.js";
import { symbolsOf } from "../elf/object.js";
import { isRelative, relocationType, walkText } from "../x86/x86.js";

interface Range {
  /** Signed addresses. */
  readonly start: number;
  readonly end: number;
}

/** A PC-relative field of four bytes, and an immediate of four at most, come before the end of an instruction. */
const nearestEnd = 4;
const farthestEnd = 8;

export function findReferred(image: ElfImage, ranges: readonly Range[]): readonly number[] {
  if (ranges.length === 0) return [];
  const lowest = Math.min(...ranges.map(({ start }) => start));
  const highest = Math.max(...ranges.map(({ end }) => end));
  const found = new Set<number>();
  const take = (address: number) => {
    if (address < lowest || address >= highest) return;
    if (ranges.some(({ start, end }) => address >= start && address < end)) found.add(address);
  };
  const starts = collectStarts(image);
  image.sections.forEach((section, index) => {
    if (!(section.flags & sectionFlag.alloc) || section.type === sectionType.nobits) return;
    const relocations = findImageRelocations(image, index);
    const isCode = (section.flags & sectionFlag.execute) !== 0;
    for (const at of relocations) takeRelocation(image, at, isCode, take);
    if (isCode) takeInstructions(image, index, starts.get(index) ?? [], relocations.length === 0, take);
    else takeWords(image, index, take);
  });
  return [...found];
}

function takeRelocation(image: ElfImage, at: number, isCode: boolean, take: (address: number) => void): void {
  const { type, symbol, addend } = readImageRelocation(image, at);
  if (type === relocationType.none) return;
  const isOperand = isCode && isRelative(type);
  for (let behind = isOperand ? nearestEnd : 0; behind <= (isOperand ? farthestEnd : 0); behind++)
    take(image.symbolAddress[symbol]! + addend + behind);
}

/** Where branches and PC-relative operands lead; without relocations also what numbers in instructions look like. */
function takeInstructions(
  image: ElfImage,
  index: number,
  starts: readonly number[],
  looksAtNumbers: boolean,
  take: (address: number) => void,
): void {
  const { bytes, view } = image;
  const { offset: base, size } = image.sections[index]!;
  const address = image.sectionAddress[index]!;
  walkText(bytes.subarray(base, base + size), starts, (offset, instruction) => {
    const { length, relativeAt, relativeWidth } = instruction;
    const at = base + offset;
    if (relativeAt > 0) {
      const distance =
        relativeWidth === 4 ? view.getInt32(at + relativeAt, true) : view.getInt8(at + relativeAt);
      take(address + offset + length + distance);
    }
    if (!looksAtNumbers) return;
    const { displacementAt, immediateAt, immediateWidth } = instruction;
    if (displacementAt > 0) take(view.getInt32(at + displacementAt, true));
    if (immediateWidth === 4) take(view.getInt32(at + immediateAt, true));
    if (immediateWidth === 8) take(signed64(view, at + immediateAt));
  });
}

function takeWords(image: ElfImage, index: number, take: (address: number) => void): void {
  const { name, offset, size } = image.sections[index]!;
  const first = ((-image.sectionAddress[index]! % 8) + 8) % 8;
  // struct pci_fixup begins with a vendor, a device and a class: Realtek's 8169 of any class reads as an address.
  const isNumber = (at: number) => name === ".pci_fixup" && at % 16 === 0;
  for (let at = first; at + 8 <= size; at += 8)
    // The kernel's addresses are the last 2 GiB.
    if (image.view.getInt32(offset + at + 4, true) === -1 && !isNumber(at))
      take(signed64(image.view, offset + at));
}

/** Offsets of the symbols of each section, ascending: an instruction starts at each. */
function collectStarts(image: ElfImage): ReadonlyMap<number, number[]> {
  const { symbols, symbolAddress, sectionAddress } = image;
  const bySection = new Map<number, number[]>();
  for (const symbol of symbolsOf(image)) {
    if (symbols.isSpecial[symbol] || symbols.type[symbol] === symbolType.section) continue;
    const section = symbols.sectionIndex[symbol]!;
    const starts = bySection.get(section) ?? [];
    bySection.set(section, starts);
    starts.push(symbolAddress[symbol]! - sectionAddress[section]!);
  }
  for (const starts of bySection.values()) starts.sort((a, b) => a - b);
  return bySection;
}
