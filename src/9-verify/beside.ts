// SPDX-License-Identifier: Apache-2.0
/**
 * Numbers that look like addresses in a region by chance. Code that indexes an array from 390 up holds the address 390 elements before
 * the array, where the layout may have placed a region. In the image the number looks like a reference to that region; only `vmlinux.o`
 * has the symbol that is meant. Such a field has three properties: its relocation in `vmlinux.o` names data that
 * stays, the addend leads out of that data's section, and the image holds the sum of both.
 */

import { relaSize, sectionFlag, sectionType, symbolBinding } from "../elf/format.js";
import { type ElfImage, signed64 } from "../elf/image.js";
import { countRelocations, type ElfObject, symbolName, symbolsOf } from "../elf/object.js";
import { relocationType } from "../x86/x86.js";
import type { VerifiedRegion } from "./claims.js";
import { sectionOfRegion } from "./proof.js";

/** Relocations of `vmlinux.o`, and the symbols by which its sections are found in the image. */
export interface Beside {
  readonly fields: readonly Field[];
  /** Global symbols, by their section. */
  readonly marks: ReadonlyMap<number, readonly Mark[]>;
}

interface Field {
  readonly section: number;
  readonly offset: number;
  /** The section of the symbol, and its size. */
  readonly target: number;
  readonly size: number;
  /** Where symbol and addend lead, from the start of that section. */
  readonly place: number;
  /** Bytes that the end of the instruction may lie behind the field, from which it counts. */
  readonly mostBehind: number;
}

interface Mark {
  readonly name: string;
  readonly value: number;
}

/** Whether the field at an address holds `target` because it addresses, from beside, data that stays. */
export type IsBeside = (field: number, target: number) => boolean;

/** A branch is never such a number: it means its target. A PC-relative field has up to four bytes behind it. */
const mostBehindByType: ReadonlyMap<number, number> = new Map([
  [relocationType.r64, 0],
  [relocationType.r32, 0],
  [relocationType.r32s, 0],
  [relocationType.pc32, 8],
]);

export function collectBeside(object: ElfObject, regions: readonly VerifiedRegion[]): Beside {
  const { sections, symbols, view } = object;
  const leaving = new Set(regions.map(sectionOfRegion));
  const isResidentData = sections.map(
    ({ name, flags }) =>
      (flags & sectionFlag.alloc) !== 0 && (flags & sectionFlag.execute) === 0 && !leaving.has(name),
  );
  const fields: Field[] = [];
  for (const rela of sections) {
    if (rela.type !== sectionType.rela || !((sections[rela.info]?.flags ?? 0) & sectionFlag.alloc)) continue;
    for (let entry = 0, count = countRelocations(object, rela); entry < count; entry++) {
      const at = rela.offset + entry * relaSize;
      const mostBehind = mostBehindByType.get(view.getUint32(at + 8, true));
      const symbol = view.getUint32(at + 12, true);
      const target = symbols.sectionIndex[symbol] ?? 0;
      if (mostBehind === undefined || symbols.isSpecial[symbol] !== 0 || !isResidentData[target]) continue;
      const place = symbols.value[symbol]! + signed64(view, at + 16);
      const { size } = sections[target]!;
      if (place >= 0 && place <= size) continue;
      const offset = signed64(view, at);
      fields.push({ section: rela.info, offset, target, size, place, mostBehind });
    }
  }
  return { fields, marks: collectMarks(object, new Set(fields.flatMap((one) => [one.section, one.target]))) };
}

function collectMarks(object: ElfObject, sections: ReadonlySet<number>): Beside["marks"] {
  const { symbols } = object;
  const marks = new Map<number, Mark[]>();
  if (sections.size === 0) return marks;
  for (const symbol of symbolsOf(object)) {
    const section = symbols.sectionIndex[symbol]!;
    if (!sections.has(section) || !isMark(object, symbol)) continue;
    const known = marks.get(section) ?? [];
    marks.set(section, known);
    known.push({ name: symbolName(object, symbol), value: symbols.value[symbol]! });
  }
  return marks;
}

/** Only one symbol of a name can be global and defined. */
const isMark = ({ symbols }: ElfObject, symbol: number) =>
  symbols.binding[symbol] === symbolBinding.global &&
  symbols.isSpecial[symbol] === 0 &&
  symbols.sectionIndex[symbol] !== 0;

/** The link places each section of `vmlinux.o` in one piece. One without a global symbol is not found, and excuses nothing. */
export function locateBeside({ fields, marks }: Beside, image: ElfImage): IsBeside {
  const addresses = new Map<string, number>();
  if (fields.length > 0)
    for (const symbol of symbolsOf(image))
      if (isMark(image, symbol)) addresses.set(symbolName(image, symbol), image.symbolAddress[symbol]!);
  const starts = new Map<number, number>();
  for (const [section, known] of marks) {
    const found = new Set(
      known.flatMap(({ name, value }) => {
        const address = addresses.get(name);
        return address === undefined ? [] : [address - value];
      }),
    );
    const [start] = found;
    if (found.size === 1) starts.set(section, start!);
  }
  const byAddress = new Map<number, Field>();
  for (const field of fields) {
    const start = starts.get(field.section);
    if (start !== undefined) byAddress.set(start + field.offset, field);
  }
  return (address, target) => {
    const field = byAddress.get(address);
    const start = starts.get(field?.target ?? -1);
    if (field === undefined || start === undefined) return false;
    const behind = target - (start + field.place);
    const isOutside = target < start || target > start + field.size;
    return isOutside && behind >= 0 && behind <= field.mostBehind;
  };
}
