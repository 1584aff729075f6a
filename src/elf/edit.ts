// SPDX-License-Identifier: Apache-2.0
/**
 * Makes a changed copy of a relocatable object: sections renamed, global symbols added, relocations aimed at
 * another symbol. Everything else stays byte for byte where it was. The tables that grow (section names,
 * symbols, symbol names, section headers) are written again behind the old file, which the linker accepts.
 * More than 65,280 sections need nothing special, because no index changes. Parts of an object that were not loaded are
 * not read here either: they are copied from file to file.
 */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { fail } from "../diagnostics.js";
import {
  sectionFlag,
  sectionHeaderSize,
  sectionType,
  specialIndex,
  symbolBinding,
  symbolSize,
} from "./format.js";
import { copyObject, loadWhole, writeAll } from "./load.js";
import { type ElfObject, offsetOf } from "./object.js";

export interface NewSymbol {
  readonly name: string;
  /** Section that holds it; 0 for a symbol that another object defines. */
  readonly section: number;
  readonly type: number;
  readonly visibility: number;
  readonly value: number;
  readonly size: number;
}

export interface ObjectEditor {
  renameSection(section: number, name: string): void;
  /** The section keeps its bytes, but is no longer merged with others' equal constants and strings. */
  dropMerge(section: number): void;
  /** Adds a global symbol; the same name gives the same index. */
  addSymbol(symbol: NewSymbol): number;
  /** Gives an undefined symbol another name: what it refers to changes, its relocations stay. */
  renameSymbol(symbol: number, name: string): void;
  /** Aims the relocation that stands at `at` of the object's `bytes` at another symbol. */
  retarget(at: number, symbol: number, addend: number): void;
  /** The changed copy. */
  finish(): Buffer;
  /** Writes the changed copy; returns its size. Parts of the object that were not loaded are copied from their file. */
  write(path: string): number;
}

/** A place in the old file, by offset, that is overwritten. */
interface Patch {
  readonly offset: number;
  readonly bytes: Buffer;
}

export function editObject(object: ElfObject): ObjectEditor {
  const { file, sections, symbols, bytes, content } = object;
  const sectionNames = new Map<number, string>();
  const unmerged = new Set<number>();
  const added = new Map<string, number>();
  const newSymbols: NewSymbol[] = [];
  const renamed = new Map<number, string>();
  const patches: Patch[] = [];
  const patch = (place: number, changed: Buffer) =>
    void patches.push({ offset: offsetOf(content, place), bytes: changed });

  /** Completes the patches; gives what is written behind the old file. */
  const finishTail = (): readonly Buffer[] => {
    const tail = openTail(content.size);
    const headers = Buffer.from(
      bytes.subarray(object.headersOffset, object.headersOffset + sections.length * sectionHeaderSize),
    );
    const place = (section: number, grown: Buffer, align: number) => {
      headers.writeBigUInt64LE(BigInt(tail.append(grown, align)), section * sectionHeaderSize + 24);
      headers.writeBigUInt64LE(BigInt(grown.byteLength), section * sectionHeaderSize + 32);
    };
    const contentOf = (section: number) => {
      const { offset, size } = sections[section]!;
      return bytes.subarray(offset, offset + size);
    };

    for (const section of unmerged) {
      const at = section * sectionHeaderSize + 8;
      const flags = headers.readBigUInt64LE(at) & ~BigInt(sectionFlag.merge | sectionFlag.strings);
      headers.writeBigUInt64LE(flags, at);
      headers.writeBigUInt64LE(0n, section * sectionHeaderSize + 56);
    }
    const symbolNames = sections[symbols.section]!.link;
    const nameTables = new Map([[object.sectionNames, growStrings(contentOf(object.sectionNames))]]);
    const stringsOf = (section: number) => {
      const strings = nameTables.get(section) ?? growStrings(contentOf(section));
      nameTables.set(section, strings);
      return strings;
    };
    for (const [section, name] of sectionNames)
      headers.writeUInt32LE(stringsOf(object.sectionNames).add(name), section * sectionHeaderSize);

    const table = sections[symbols.section]!;
    // The table is written again if symbols are added, so a renamed symbol has to be in the copy too.
    const grownTable = newSymbols.length > 0 ? Buffer.from(contentOf(symbols.section)) : undefined;
    for (const [symbol, name] of renamed) {
      const nameOffset = toWord(stringsOf(symbolNames).add(name));
      grownTable?.set(nameOffset, symbol * symbolSize);
      patch(table.offset + symbol * symbolSize, nameOffset);
    }
    if (grownTable !== undefined) {
      const strings = stringsOf(symbolNames);
      const rows = Buffer.alloc(newSymbols.length * symbolSize);
      newSymbols.forEach((symbol, row) => {
        writeSymbol(rows, row, symbol, strings.add(symbol.name));
      });
      place(symbols.section, Buffer.concat([grownTable, rows]), 8);
      extendIndexTable(object, newSymbols, (section, indices) =>
        place(section, Buffer.concat([contentOf(section).subarray(0, symbols.count * 4), indices]), 4),
      );
    }
    for (const [section, strings] of nameTables) if (strings.hasGrown()) place(section, strings.finish(), 1);
    const headersOffset = Buffer.alloc(8);
    headersOffset.writeBigUInt64LE(BigInt(tail.append(headers, 8)));
    patch(40, headersOffset);
    return tail.parts;
  };

  return {
    renameSection: (section, name) => void sectionNames.set(section, name),
    dropMerge: (section) => void unmerged.add(section),
    addSymbol(symbol) {
      if (symbols.section === 0)
        fail("elf-malformed", { file, what: "a symbol is to be added, but there is no symbol table" });
      const known = added.get(symbol.name);
      if (known !== undefined) return known;
      const index = symbols.count + newSymbols.length;
      added.set(symbol.name, index);
      newSymbols.push(symbol);
      return index;
    },
    renameSymbol: (symbol, name) => void renamed.set(symbol, name),
    retarget(at, symbol, addend) {
      const entry = Buffer.alloc(16);
      entry.writeUInt32LE(bytes.readUInt32LE(at + 8), 0);
      entry.writeUInt32LE(symbol, 4);
      entry.writeBigInt64LE(BigInt(addend), 8);
      patch(at + 8, entry);
    },
    finish() {
      const tail = finishTail();
      const result = Buffer.concat([loadWhole(content), ...tail]);
      for (const one of patches) result.set(one.bytes, one.offset);
      return result;
    },
    write(path) {
      if (content.bytes.byteLength === content.size) {
        const whole = this.finish();
        writeFileSync(path, whole);
        return whole.byteLength;
      }
      const tail = finishTail();
      copyObject(content.source!, path);
      const descriptor = openSync(path, "r+");
      try {
        for (const one of patches) writeAll(descriptor, one.bytes, one.offset);
        let end = content.size;
        for (const part of tail) {
          writeAll(descriptor, part, end);
          end += part.byteLength;
        }
        return end;
      } finally {
        closeSync(descriptor);
      }
    },
  };
}

function toWord(value: number): Buffer {
  const word = Buffer.alloc(4);
  word.writeUInt32LE(value);
  return word;
}

/** Where content that is written behind the old file comes to lie. */
function openTail(start: number) {
  const parts: Buffer[] = [];
  let end = start;
  return {
    parts,
    append(content: Buffer, align: number): number {
      const padding = (align - (end % align)) % align;
      if (padding > 0) parts.push(Buffer.alloc(padding));
      const offset = end + padding;
      parts.push(content);
      end = offset + content.byteLength;
      return offset;
    },
  };
}

function growStrings(old: Buffer) {
  const added = new Map<string, number>();
  const parts = [old];
  let end = old.byteLength;
  return {
    add(name: string): number {
      const known = added.get(name);
      if (known !== undefined) return known;
      const offset = end;
      const part = Buffer.from(`${name}\0`);
      parts.push(part);
      end += part.byteLength;
      added.set(name, offset);
      return offset;
    },
    hasGrown: () => parts.length > 1,
    finish: () => Buffer.concat(parts),
  };
}

function writeSymbol(rows: Buffer, row: number, symbol: NewSymbol, name: number): void {
  const at = row * symbolSize;
  const isExtended = symbol.section >= specialIndex.reserved;
  rows.writeUInt32LE(name, at);
  rows.writeUInt8((symbolBinding.global << 4) | symbol.type, at + 4);
  rows.writeUInt8(symbol.visibility, at + 5);
  rows.writeUInt16LE(isExtended ? specialIndex.extended : symbol.section, at + 6);
  rows.writeBigUInt64LE(BigInt(symbol.value), at + 8);
  rows.writeBigUInt64LE(BigInt(symbol.size), at + 16);
}

function extendIndexTable(
  object: ElfObject,
  symbols: readonly NewSymbol[],
  place: (section: number, indices: Buffer) => void,
): void {
  const table = object.sections.findIndex(
    (section) => section.type === sectionType.symtabShndx && section.link === object.symbols.section,
  );
  if (table < 0) return; // with fewer than 65,280 sections every index fits into its symbol
  const indices = Buffer.alloc(symbols.length * 4);
  symbols.forEach((symbol, row) => {
    if (symbol.section >= specialIndex.reserved) indices.writeUInt32LE(symbol.section, row * 4);
  });
  place(table, indices);
}
