// SPDX-License-Identifier: Apache-2.0
/**
 * Reads relocatable x86-64 objects. Nothing is copied: sections and symbols are views of the bytes that were loaded.
 * The input is untrusted. Every offset, count and index is checked against the file's real size before it
 * is used, so a damaged object ends in a diagnostic that names file, section and offset.
 */
import { fail } from "../diagnostics.js";
import {
  elfType,
  headerSize,
  relaSize,
  sectionFlag,
  sectionHeaderSize,
  sectionType,
  specialIndex,
  symbolBinding,
  symbolSize,
} from "./format.js";

export interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Where its content begins in the object's `bytes`; meaningless for `nobits` and for what was not loaded. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entrySize: number;
}

/** A group of sections that stay or go together. */
export interface SectionGroup {
  readonly section: number;
  readonly isComdat: boolean;
  /** Index of the symbol whose name identifies the group. */
  readonly signature: number;
  readonly members: readonly number[];
}

/** A table of NUL-terminated names. */
interface StringTable {
  /** For messages. */
  readonly name: string;
  /** Place in the object's `bytes`. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** It ends with a NUL and has no byte past ASCII: a name begins wherever one may look. */
  readonly isPlain: boolean;
}

const noNames: StringTable = { name: "the string table", offset: 0, size: 0, isPlain: false };

/** The symbol table in columns; symbol 0 is the null symbol. */
export interface SymbolTable {
  readonly count: number;
  /** Index of the section that holds it; 0 where the object has none. */
  readonly section: number;
  readonly names: StringTable;
  readonly nameOffset: Uint32Array;
  readonly binding: Uint8Array;
  readonly type: Uint8Array;
  readonly visibility: Uint8Array;
  /** Section index with extended indices resolved; see `specialIndex` for values that are not indices. */
  readonly sectionIndex: Uint32Array;
  readonly isSpecial: Uint8Array;
  readonly value: Float64Array;
  readonly size: Float64Array;
}

/** Where an object lies: a file, or the part of an archive that is a member. */
export interface ObjectSource {
  readonly path: string;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** A range of an object's bytes that was read: from `at` on they are those of the object from `from` on. */
export interface LoadedRange {
  readonly at: number;
  readonly from: number;
  readonly size: number;
}

/** The ranges of an object that were read. A whole object has one range. */
export interface ObjectContent {
  readonly bytes: Buffer;
  /** Bytes of the object, read or not. */
  readonly size: number;
  /** Ascending, and none touches the next. */
  readonly ranges: readonly LoadedRange[];
  /** Where the rest is; needed only where there is one. */
  readonly source?: ObjectSource;
}

const wholeContent = (bytes: Buffer): ObjectContent => ({
  bytes,
  size: bytes.byteLength,
  ranges: [{ at: 0, from: 0, size: bytes.byteLength }],
});

/** Place in `bytes` of what stands at an offset of the object; the end of `bytes`, where nothing is, if it was not read. */
function placeOf({ bytes, ranges, size: all }: ObjectContent, offset: number, size: number): number {
  if (bytes.byteLength === all) return offset;
  const range = findRange(ranges, ({ from }) => from <= offset);
  const start = range === undefined ? -1 : offset - range.from;
  return start >= 0 && start + size <= range!.size ? range!.at + start : bytes.byteLength;
}

/** Offset in the object of what stands at a place of its `bytes`. */
export function offsetOf({ ranges }: ObjectContent, place: number): number {
  const range = findRange(ranges, ({ at }) => at <= place)!;
  return range.from + place - range.at;
}

/** The last range for which it holds; it holds for all before. */
function findRange(
  ranges: readonly LoadedRange[],
  holds: (range: LoadedRange) => boolean,
): LoadedRange | undefined {
  let low = -1;
  let high = ranges.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (holds(ranges[middle]!)) low = middle;
    else high = middle;
  }
  return ranges[low];
}

export interface ElfObject {
  readonly file: string;
  readonly content: ObjectContent;
  /** The content's. */
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Place in `bytes`. */
  readonly headersOffset: number;
  readonly sectionNames: number;
  readonly sections: readonly Section[];
  readonly symbols: SymbolTable;
  readonly groups: readonly SectionGroup[];
}

/** A NUL-terminated string inside a string table. */
function readString(file: string, bytes: Buffer, table: StringTable, offset: number): string {
  const start = table.offset + offset;
  if (table.isPlain && offset < table.size) return bytes.toString("latin1", start, bytes.indexOf(0, start));
  const limit = table.offset + table.size;
  const end = offset < table.size ? bytes.indexOf(0, start) : -1;
  if (end < 0 || end >= limit)
    fail("elf-malformed", { file, section: table.name, offset, what: "no terminated string starts here" });
  const name = decodeName(bytes, start, end);
  if (name === undefined)
    fail("elf-malformed", {
      file,
      section: table.name,
      offset,
      what: "the name that starts here is not UTF-8",
    });
  return name;
}

function openStrings(bytes: Buffer, { name, offset, size }: Omit<StringTable, "isPlain">): StringTable {
  const end = offset + size;
  let isPlain = size > 0 && end <= bytes.byteLength && bytes[end - 1] === 0;
  for (let at = offset; isPlain && at < end; at++) isPlain = bytes[at]! < 0x80;
  return { name, offset, size, isPlain };
}

/** Names are UTF-8, as those in manifests and of files are; undefined where one is not, as two could then look alike. */
export function decodeName(bytes: Buffer, start: number, end: number): string | undefined {
  const name = bytes.toString("latin1", start, end);
  if (!/[\x80-\xff]/.test(name)) return name;
  const decoded = bytes.toString("utf8", start, end);
  return decoded.includes("\ufffd") ? undefined : decoded;
}

/** A 64-bit field. Values past 2^53 appear only in damaged files; they stay larger than any file. */
const word64 = (view: DataView, offset: number) =>
  view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x100000000;

export function readObject(file: string, input: Buffer | ObjectContent): ElfObject {
  return readElf(file, input, (type) => type === elfType.relocatable, "it is not relocatable");
}

const bitcode =
  "it is LLVM bitcode, as of a kernel with link-time optimisation (CONFIG_LTO_CLANG): it has neither code nor sections before the link";

/** The parts that all ELF files have in common; `accepts` says which types of file may be read. */
export function readElf(
  file: string,
  input: Buffer | ObjectContent,
  accepts: (type: number) => boolean,
  otherwise: string,
): ElfObject {
  const content = Buffer.isBuffer(input) ? wholeContent(input) : input;
  const { bytes, size } = content;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size < headerSize)
    fail("elf-truncated", { file, what: "the ELF header", offset: 0, end: headerSize, size });
  if (view.getUint32(0) === 0x4243c0de) fail("elf-unsupported", { file, what: bitcode });
  if (view.getUint32(0) !== 0x7f454c46) fail("elf-unsupported", { file, what: "it is not an ELF file" });
  if (bytes[4] !== 2 || bytes[5] !== 1 || view.getUint16(18, true) !== 62)
    fail("elf-unsupported", { file, what: "it is not for x86-64" });
  if (!accepts(view.getUint16(16, true))) fail("elf-unsupported", { file, what: otherwise });

  const headersOffset = checkHeaders(file, view, content);
  const sections = readSections(file, content, view, headersOffset);
  const sectionNames = sectionNamesIndex(view, headersOffset);
  const symbols = readSymbols(file, bytes, view, sections);
  return {
    file,
    content,
    bytes,
    view,
    headersOffset,
    sectionNames,
    sections,
    symbols,
    groups: readGroups(file, view, sections, symbols),
  };
}

function sectionNamesIndex(view: DataView, headersOffset: number): number {
  const index = view.getUint16(62, true);
  return index === specialIndex.extended ? view.getUint32(headersOffset + 40, true) : index;
}

/** With 0xff00 sections or more the count stands in the first header (gABI, e_shnum). */
const countSections = (view: DataView, headersOffset: number) =>
  view.getUint16(60, true) || word64(view, headersOffset + 32);

/** The place of the section headers, all of which are there. */
function checkHeaders(file: string, view: DataView, content: ObjectContent): number {
  const offset = word64(view, 40);
  const { size } = content;
  const check = (count: number) => {
    const end = offset + count * sectionHeaderSize;
    if (offset < headerSize || end > size)
      fail("elf-truncated", { file, what: "the section header table", offset, end, size });
  };
  if (view.getUint16(58, true) !== sectionHeaderSize)
    fail("elf-malformed", { file, offset: 58, what: "section headers are not 64 bytes long" });
  check(1);
  const place = placeOf(content, offset, sectionHeaderSize);
  check(countSections(view, place));
  return place;
}

/**
 * A section as its header says, read whenever it is asked: a link has hundreds of thousands of them, of each of which
 * one or two fields are looked at.
 */
class SectionView implements Section {
  private readonly elf: SectionSource;
  private readonly at: number;

  constructor(elf: SectionSource, at: number) {
    this.elf = elf;
    this.at = at;
  }

  get name(): string {
    const { file, content, view, names } = this.elf;
    // The first header belongs to no section, and its name may be anything.
    if (this.at === this.elf.first) return "";
    return readString(file, content.bytes, names, view.getUint32(this.at, true));
  }
  get type(): number {
    return this.elf.view.getUint32(this.at + 4, true);
  }
  get flags(): number {
    return word64(this.elf.view, this.at + 8);
  }
  get offset(): number {
    return placeOf(this.elf.content, word64(this.elf.view, this.at + 24), this.size);
  }
  get size(): number {
    return word64(this.elf.view, this.at + 32);
  }
  get link(): number {
    return this.elf.view.getUint32(this.at + 40, true);
  }
  get info(): number {
    return this.elf.view.getUint32(this.at + 44, true);
  }
  get align(): number {
    return word64(this.elf.view, this.at + 48);
  }
  get entrySize(): number {
    return word64(this.elf.view, this.at + 56);
  }
}

interface SectionSource {
  readonly file: string;
  readonly content: ObjectContent;
  readonly view: DataView;
  /** Place of the first header. */
  readonly first: number;
  /** The table of the sections' names. */
  readonly names: StringTable;
}

function readSections(
  file: string,
  content: ObjectContent,
  view: DataView,
  headersOffset: number,
): Section[] {
  const { size } = content;
  const count = countSections(view, headersOffset);

  const index = sectionNamesIndex(view, headersOffset);
  if (index >= count)
    fail("elf-malformed", { file, offset: 62, what: `section name table ${index} does not exist` });
  const nameless = { ...noNames, name: "the section name table" };
  const headerAt = (section: number) => headersOffset + section * sectionHeaderSize;
  const nameTable = new SectionView(
    { file, content, view, first: headersOffset, names: nameless },
    headerAt(index),
  );
  const names = openStrings(content.bytes, {
    name: nameless.name,
    offset: nameTable.offset,
    size: nameTable.size,
  });
  const source: SectionSource = { file, content, view, first: headersOffset, names };
  const checkExtent = (section: Pick<Section, "type" | "size">, which: number, name: () => string) => {
    if (which === 0 || section.type === sectionType.nobits || section.type === sectionType.null) return;
    const offset = word64(view, headerAt(which) + 24);
    const end = offset + section.size;
    if (end > size) fail("elf-truncated", { file, what: `section ${name() || which}`, offset, end, size });
  };

  checkExtent(nameTable, index, () => names.name);
  if (nameTable.type !== sectionType.strtab)
    fail("elf-malformed", { file, offset: 62, what: "the section name table is not a string table" });
  const sections = new Array<Section>(count);
  for (let which = 0; which < count; which++) {
    const section = new SectionView(source, headerAt(which));
    // An invalid name is refused now.
    if (which > 0 && !(names.isPlain && view.getUint32(headerAt(which), true) < names.size))
      void section.name;
    checkExtent(section, which, () => section.name);
    if (which === 0 && section.type !== sectionType.null)
      fail("elf-malformed", {
        file,
        offset: offsetOf(content, headersOffset),
        what: "the first section header is in use",
      });
    if (section.flags & sectionFlag.alloc && section.size > 2 ** 31)
      fail("elf-malformed", { file, section: section.name, what: "it claims more than 2 GiB" });
    sections[which] = section;
  }
  return sections;
}

function readSymbols(file: string, bytes: Buffer, view: DataView, sections: readonly Section[]): SymbolTable {
  const index = sections.findIndex((section) => section.type === sectionType.symtab);
  const table = sections[index];
  const count = table === undefined ? 0 : table.size / symbolSize;
  const strings = table && sections[table.link];
  const columns: SymbolTable = {
    count,
    section: Math.max(index, 0),
    names: strings?.type === sectionType.strtab ? openStrings(bytes, strings) : noNames,
    nameOffset: new Uint32Array(count),
    binding: new Uint8Array(count),
    type: new Uint8Array(count),
    visibility: new Uint8Array(count),
    sectionIndex: new Uint32Array(count),
    isSpecial: new Uint8Array(count),
    value: new Float64Array(count),
    size: new Float64Array(count),
  };
  if (table === undefined) return columns;
  if (!Number.isInteger(count) || table.entrySize !== symbolSize)
    fail("elf-malformed", { file, section: table.name, what: "symbols are not 24 bytes long" });
  if (strings?.type !== sectionType.strtab)
    fail("elf-malformed", { file, section: table.name, what: `section ${table.link} is not a string table` });
  const extended = sections.find(
    (section) => section.type === sectionType.symtabShndx && section.link === index,
  );
  if (extended !== undefined && extended.size < count * 4)
    fail("elf-malformed", { file, section: extended.name, what: "it is shorter than the symbol table" });

  const { offset: start } = table;
  for (let symbol = 0; symbol < count; symbol++) {
    const at = start + symbol * symbolSize;
    const info = view.getUint8(at + 4);
    let sectionIndex = view.getUint16(at + 6, true);
    let isSpecial = sectionIndex >= specialIndex.reserved;
    if (sectionIndex === specialIndex.extended) {
      if (extended === undefined)
        fail("elf-malformed", {
          file,
          section: table.name,
          offset: symbol * symbolSize,
          what: "an index table is missing",
        });
      sectionIndex = view.getUint32(extended.offset + symbol * 4, true);
      isSpecial = false;
    }
    if (!isSpecial && sectionIndex >= sections.length)
      fail("elf-malformed", {
        file,
        section: table.name,
        offset: symbol * symbolSize,
        what: `symbol ${symbol} lies in section ${sectionIndex} of ${sections.length}`,
      });
    columns.nameOffset[symbol] = view.getUint32(at, true);
    columns.binding[symbol] = info >> 4;
    columns.type[symbol] = info & 15;
    columns.visibility[symbol] = view.getUint8(at + 5) & 3;
    columns.sectionIndex[symbol] = sectionIndex;
    columns.isSpecial[symbol] = isSpecial ? 1 : 0;
    columns.value[symbol] = word64(view, at + 8);
    columns.size[symbol] = word64(view, at + 16);
  }
  return columns;
}

function readGroups(
  file: string,
  view: DataView,
  sections: readonly Section[],
  symbols: SymbolTable,
): SectionGroup[] {
  const groups: SectionGroup[] = [];
  sections.forEach((section, index) => {
    if (section.type !== sectionType.group) return;
    const members: number[] = [];
    for (let at = 4; at + 4 <= section.size; at += 4) {
      const member = view.getUint32(section.offset + at, true);
      if (member >= sections.length)
        fail("elf-malformed", {
          file,
          section: section.name,
          offset: at,
          what: `section ${member} does not exist`,
        });
      members.push(member);
    }
    if (section.size < 4 || section.info >= symbols.count)
      fail("elf-malformed", { file, section: section.name, what: "the group has no signature" });
    groups.push({
      section: index,
      isComdat: (view.getUint32(section.offset, true) & 1) !== 0,
      signature: section.info,
      members,
    });
  });
  return groups;
}

/** The indices of an object's symbols, without the null symbol. An array: a generator takes five times as long. */
export function symbolsOf({ symbols: { count } }: Pick<ElfObject, "symbols">): Uint32Array {
  const numbers = new Uint32Array(Math.max(count - 1, 0));
  for (let at = 0; at < numbers.length; at++) numbers[at] = at + 1;
  return numbers;
}

/** The name of a symbol; a section symbol has the name of its section. */
export function symbolName(object: ElfObject, symbol: number): string {
  const { symbols, sections, file, bytes } = object;
  const offset = symbols.nameOffset[symbol]!;
  if (offset === 0)
    return symbols.isSpecial[symbol] ? "" : (sections[symbols.sectionIndex[symbol]!]?.name ?? "");
  return readString(file, bytes, symbols.names, offset);
}

/** The same as asking it of the name, without making a string of it; of symbols that have a name of their own. */
export function hasNamePrefix({ symbols, bytes }: ElfObject, symbol: number, prefix: Buffer): boolean {
  const offset = symbols.nameOffset[symbol]!;
  const { names } = symbols;
  if (offset === 0 || offset + prefix.length > names.size) return false;
  const start = names.offset + offset;
  if (bytes[start] !== prefix[0]) return false;
  return bytes.compare(prefix, 0, prefix.length, start, start + prefix.length) === 0;
}

export const isLocal = (symbols: SymbolTable, symbol: number) =>
  symbols.binding[symbol] === symbolBinding.local;

/**
 * The number of relocations in a `rela` section, checked: whole entries, of a section and symbol table that
 * exist.
 */
export function countRelocations(object: ElfObject, rela: Section): number {
  const { file, sections, symbols } = object;
  const count = rela.size / relaSize;
  if (!Number.isInteger(count) || rela.entrySize !== relaSize)
    fail("elf-malformed", { file, section: rela.name, what: "relocations are not 24 bytes long" });
  if (rela.info === 0 || rela.info >= sections.length)
    fail("elf-malformed", {
      file,
      section: rela.name,
      what: `it relocates section ${rela.info}, which does not exist`,
    });
  if (rela.offset + rela.size > object.bytes.byteLength)
    fail("elf-malformed", { file, section: rela.name, what: "it is longer than the file" });
  if (count > 0 && rela.link !== symbols.section)
    fail("elf-malformed", { file, section: rela.name, what: "its symbol table is not the object's" });
  return count;
}
