// SPDX-License-Identifier: Apache-2.0
/**
 * Lists the padding inside text, data and bss of a kernel that has just been linked, in the kernel's own table. The places are
 * known only now, when the kernel's tables have long been compiled. Their last table was left empty for this, and
 * needs no relocations (docs/design.md, "Tables for the kernel").
 */

import { closeSync, constants, copyFileSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { guardBytes } from "../6-boundary/beside.js";
import type { PaddingPiece } from "../9-verify/claims.js";
import { findFill } from "../elf/fill.js";
import { sectionFlag } from "../elf/format.js";
import type { ElfImage } from "../elf/image.js";
import { offsetOf, symbolName, symbolsOf } from "../elf/object.js";
import { pageSize, textFill } from "../x86/x86.js";
import { findReferred } from "./findReferred.js";
import { mostPadding } from "./tables.js";

interface Pages {
  /** Signed addresses. */
  readonly start: number;
  readonly end: number;
}

/**
 * Writes the table of padding into the image at `vmlinux`, if one of its components has the padding, and into `image`,
 * which has been read from there. Gives what it has written.
 */
export function recordPadding(vmlinux: string, image: ElfImage): readonly PaddingPiece[] {
  const symbols = collectSymbols(image);
  const table = symbols.get("jettison_padding");
  const count = symbols.get("jettison_nr_padding");
  const text = symbols.get("_text");
  if (table === undefined || count === undefined || text === undefined || table.size === 0) return [];

  const pieces = findPieces(image, symbols).map(({ start, end }) => ({
    page: (start - text.address) / pageSize,
    pages: (end - start) / pageSize,
  }));
  const words = pieces.flatMap(({ page, pages }) => [page, pages]);
  const changes = [
    { place: placeOf(image, count), bytes: toBytes([pieces.length]) },
    { place: placeOf(image, table), bytes: toBytes(words) },
  ];
  for (const { place, bytes } of changes) image.bytes.set(bytes, place);
  replaceBytes(
    vmlinux,
    changes.map(({ place, bytes }) => ({ offset: offsetOf(image.content, place), bytes })),
  );
  return pieces;
}

interface Symbol {
  readonly address: number;
  readonly size: number;
  readonly section: number;
}

function collectSymbols(image: ElfImage): Map<string, Symbol> {
  const { symbols, symbolAddress } = image;
  const found = new Map<string, Symbol>();
  for (const symbol of symbolsOf(image)) {
    if (symbols.isSpecial[symbol] || symbols.nameOffset[symbol] === 0) continue;
    const section = symbols.sectionIndex[symbol]!;
    const size = symbols.size[symbol]!;
    // Several symbols of one name all count.
    const name = symbolName(image, symbol);
    found.set(found.has(name) ? `${name} ${symbol}` : name, {
      address: symbolAddress[symbol]!,
      size,
      section,
    });
  }
  return found;
}

/**
 * Where padding may lie: between which symbols, in which kind of section, filled up with what, and from how many pages
 * on it leaves. A page or two of data are not worth the large mapping that leaving would split;
 * that of the last text is split by what leaves beside it.
 */
const places = [
  { from: "__jettison_text_start", to: "__jettison_text_end", isCode: true, fill: textFill, pages: 1 },
  { from: "_sdata", to: "_edata", isCode: false, fill: 0, pages: 16 },
  { from: "__bss_start", to: "__bss_stop", isCode: false, fill: 0, pages: 16 },
];

/**
 * Whole pages of fill, behind fill, without a symbol and without a reference; in ascending order. A word of data that
 * looks like an address is one, so a page may stay that could have gone.
 */
function findPieces(image: ElfImage, symbols: ReadonlyMap<string, Symbol>): Pages[] {
  const named = [...symbols.values()];
  const addressOf = (name: string) => symbols.get(name)?.address ?? Number.NaN;
  const candidates = image.sections.flatMap(({ flags, size }, index) => {
    if (!(flags & sectionFlag.alloc) || size < pageSize) return [];
    const isCode = (flags & sectionFlag.execute) !== 0;
    const fills = findFill(image, index, named, pageSize);
    return places
      .filter((place) => place.isCode === isCode)
      .flatMap((place) =>
        fills
          .filter(({ byte }) => byte === place.fill)
          .map((run) => {
            const first = Math.max(roundUp(run.start), addressOf(place.from));
            const isGuarded =
              first - run.start >= guardBytes || (isCode && isFillBefore(image, index, first));
            return {
              start: isGuarded ? first : first + pageSize,
              end: Math.min(Math.floor(run.end / pageSize) * pageSize, addressOf(place.to)),
              pages: place.pages,
            };
          })
          .filter(({ start, end }) => start < end),
      );
  });
  // Where a piece starts is where what lies before it ends, and `_etext - 1` is a bound as well.
  const referred = findReferred(
    image,
    candidates.map(({ start, end }) => ({ start: start + 1, end: end - 1 })),
  );
  const pieces = candidates.flatMap(({ pages, ...piece }) =>
    cutOut(piece, referred).filter(({ start, end }) => end - start >= pages * pageSize),
  );
  const largest = pieces.sort((a, b) => b.end - b.start - (a.end - a.start)).slice(0, mostPadding);
  return largest.sort((a, b) => a.start - b.start);
}

const roundUp = (address: number) => Math.ceil(address / pageSize) * pageSize;

/** A pointer one past the end of what lies before must not lead into the padding. */
function isFillBefore(image: ElfImage, section: number, address: number): boolean {
  const at = image.sections[section]!.offset + address - image.sectionAddress[section]!;
  return image.bytes.subarray(at - guardBytes, at).every((byte) => byte === textFill);
}

/** A piece without the pages that are referred to; the page behind such a page may leave. */
function cutOut(piece: Pages, referred: readonly number[]): Pages[] {
  const inside = [
    ...new Set(
      referred
        .filter((address) => address >= piece.start && address < piece.end)
        .map((address) => Math.floor(address / pageSize) * pageSize),
    ),
  ].sort((a, b) => a - b);
  const left: Pages[] = [];
  let start = piece.start;
  for (const page of inside) {
    if (page > start) left.push({ start, end: page });
    start = page + pageSize;
  }
  if (start < piece.end) left.push({ start, end: piece.end });
  return left;
}

/** In the bytes that were loaded. */
const placeOf = (image: ElfImage, { address, section }: Symbol) =>
  image.sections[section]!.offset + address - image.sectionAddress[section]!;

function toBytes(words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => {
    bytes.writeUInt32LE(word, index * 4);
  });
  return bytes;
}

/** Beside and renamed: whatever ends this process, `vmlinux` is one or the other. */
function replaceBytes(
  file: string,
  changes: readonly { readonly offset: number; readonly bytes: Buffer }[],
): void {
  const beside = `${file}.jettison-new`;
  copyFileSync(file, beside, constants.COPYFILE_FICLONE);
  try {
    const descriptor = openSync(beside, "r+");
    try {
      for (const { offset, bytes } of changes) writeSync(descriptor, bytes, 0, bytes.length, offset);
    } finally {
      closeSync(descriptor);
    }
    renameSync(beside, file);
  } finally {
    rmSync(beside, { force: true });
  }
}
