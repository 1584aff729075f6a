// SPDX-License-Identifier: Apache-2.0
/** The map of a linked kernel: sections, tables, functions and objects, regions. */
import { sectionFlag, sectionType, symbolType } from "../elf/format.js";
import { type ElfImage, signed64 } from "../elf/image.js";
import { symbolName, symbolsOf } from "../elf/object.js";
import { edgesOfRegion, type VerifiedRegion } from "./claims.js";
import { describePlace, type Extent, findAround, namesNear, sortExtents, stretchAround } from "./extents.js";
import { paddingRegion, readPadding } from "./paddingTable.js";
import { guardBytes, isGate, isInit, isLeftOut, nameTable, type Place } from "./proof.js";
import { type Replacement, replacementsAt } from "./replacements.js";

interface SectionExtent extends Extent {
  readonly index: number;
}

export interface RegionExtent extends Extent {
  readonly region: VerifiedRegion;
}

export interface ImageMap {
  readonly image: ElfImage;
  /** Symbols by name; signed addresses. */
  readonly addresses: ReadonlyMap<string, number>;
  /** Sorted by address; a region whose symbols are missing is missing. */
  readonly regions: readonly RegionExtent[];
  /** Pieces of padding that may leave, as the kernel's table has them. */
  readonly padding: readonly Extent[];
  /** Everything that has a name and lies in memory, in no order; of no bytes where it has no size. */
  readonly symbols: readonly Extent[];
  /** Sorted by address. */
  readonly functions: readonly Extent[];
  /**
   * The region that has something at an address: its guard bytes have not. Padding is one of them, without such bytes;
   * its first byte is where what lies before it ends, and its last one that before `_etext`, which the kernel counts with.
   */
  regionAt(address: number): VerifiedRegion | undefined;
  /** The gate that has an instruction at an address. */
  gateAt(address: number): Extent | undefined;
  /** Where a field takes effect that is part of what stands at `source`; several places, if it is copied to several. */
  placesOf(source: number, field: number): readonly Place[];
  /** Whether the object at an address, or what lies there without a name, holds addresses of regions. */
  holdsAddresses(address: number): boolean;
  /** Names of what lies at an address and right beside it; "" is what has none. */
  namesNear(address: number): readonly string[];
  /** Rows of `.altinstructions`. */
  readonly replacements: readonly ReplacementRow[];
  /** Where a table lies that has a section or two symbols of its own. */
  tableNamed(name: string): Extent | undefined;
  describe(address: number): string;
  sectionAt(address: number): SectionExtent | undefined;
  isCode(address: number): boolean;
  /** From its first byte to its last, gaps between sections included. */
  isInImage(address: number): boolean;
  /** Where the byte of an address stands in the file; undefined: it stands in none, or fewer than `length` follow. */
  offsetOf(address: number, length: number): number | undefined;
}

/** Tables that the kernel's linker script puts among other things, between two symbols. */
const boundedTables = [
  { name: "__jump_table", label: "___jump_table" },
  { name: ".static_call_sites", label: "_static_call_sites" },
  { name: ".static_call_tramp_key", label: "_static_call_tramp_key" },
  { name: "__mcount_loc", label: "_mcount_loc" },
  { name: "_kprobe_blacklist", label: "_kprobe_blacklist" },
  { name: "_error_injection_whitelist", label: "_error_injection_whitelist" },
];

export const isLoaded = (image: ElfImage, section: number) =>
  (image.sections[section]!.flags & sectionFlag.alloc) !== 0 &&
  image.sections[section]!.type !== sectionType.nobits;

export function mapImage(image: ElfImage, regions: readonly VerifiedRegion[]): ImageMap {
  const sections = sortExtents(collectSections(image));
  const { addresses, symbols, extents, functions } = collectSymbols(image);
  const placed = sortExtents(
    regions.flatMap((region): RegionExtent[] => {
      const [start, end] = edgesOfRegion(region).map((label) => addresses.get(label));
      return start === undefined || end === undefined ? [] : [{ start, end, name: region.name, region }];
    }),
  );
  const offsetOf = (address: number, length: number) => {
    const section = findAround(sections, address);
    if (section === undefined || address + length > section.end || !isLoaded(image, section.index))
      return undefined;
    return image.sections[section.index]!.offset + (address - section.start);
  };
  const tables = sortExtents([
    ...boundedTables.flatMap(({ name, label }) => {
      const start = addresses.get(`__start${label}`);
      const end = addresses.get(`__stop${label}`);
      return start === undefined || end === undefined ? [] : [{ start, end, name }];
    }),
    ...locateNameTable(addresses, (address) => wordAt(image, offsetOf(address, 4))),
  ]);
  const padding = readPadding(addresses, (address) => wordAt(image, offsetOf(address, 4)));
  const leaving = sortExtents([
    ...placed,
    ...padding.map((piece): RegionExtent => ({ ...piece, region: paddingRegion })),
  ]);
  const lowest = leaving[0]?.start ?? 0;
  const highest = leaving.reduce((most, { end }) => Math.max(most, end), lowest);
  const sectionAt = (address: number) => findAround(sections, address);
  const isCode = (address: number) => {
    const section = sectionAt(address);
    return section !== undefined && (image.sections[section.index]!.flags & sectionFlag.execute) !== 0;
  };
  const replacements = collectReplacements(image, sections, isCode);
  const gates = sortExtents(symbols.filter(({ name, start }) => isGate(name) && isCode(start)));
  const lowestGate = gates[0]?.start ?? 0;
  const highestGate = gates.reduce((most, { end }) => Math.max(most, end), lowestGate);
  const last = sections.reduce((most, { end }) => (end <= 0 ? Math.max(most, end) : most), -Infinity);
  const isReplacement = (address: number) => sectionAt(address)?.name === ".altinstr_replacement";

  const firstInit = addresses.get("__init_begin") ?? Number.NaN;
  const lastInit = addresses.get("__init_end") ?? Number.NaN;
  /** A name makes no init code of what does not lie in the memory that is freed, and leaves nothing out. */
  const tableAt = (address: number) => {
    const name = findAround(tables, address)?.name ?? sectionAt(address)?.name ?? "";
    if (isLeftOut(name)) return "";
    return isInit(name) && !(address >= firstInit && address < lastInit) ? "" : name;
  };

  const placeOf = (address: number, isPatchedIn: boolean): Place => ({
    region: findAround(placed, address)?.region,
    table: tableAt(address),
    around: findAround(extents, address)?.name ?? "",
    isPatchedIn,
  });

  const map: ImageMap = {
    image,
    addresses,
    regions: placed,
    padding,
    symbols,
    functions,
    regionAt(address) {
      if (address < lowest || address >= highest) return undefined;
      const found = findAround(leaving, address);
      if (found === undefined) return undefined;
      const [before, behind] = found.region === paddingRegion ? [1, 1] : [guardBytes, guardBytes];
      return address >= found.start + before && address < found.end - behind ? found.region : undefined;
    },
    gateAt: (address) =>
      address >= lowestGate && address < highestGate ? findAround(gates, address) : undefined,
    placesOf(source, field) {
      // A replacement is copied over the instructions that it replaces.
      const copies = replacementsAt(replacements, source).map(({ site }) => placeOf(site, true));
      const isElsewhere = field < source || field >= source + longestInstruction;
      return copies.length > 0 && isReplacement(source) ? copies : [placeOf(source, isElsewhere), ...copies];
    },
    holdsAddresses(address) {
      const section = sectionAt(address);
      if (section === undefined || !isLoaded(image, section.index)) return false;
      const { start, end } = stretchAround(extents, address);
      const last = Math.min(end, section.end) - 8;
      for (let at = Math.ceil(Math.max(start, section.start) / 8) * 8; at <= last; at += 8)
        if (map.regionAt(signed64(image.view, map.offsetOf(at, 8)!)) !== undefined) return true;
      return false;
    },
    replacements,
    namesNear: (address) => namesNear(extents, address, guardBytes),
    tableNamed: (name) =>
      tables.find((one) => one.name === name) ?? sections.find((one) => one.name === name),
    describe(address) {
      const section = sectionAt(address);
      const around = findAround(extents, address)?.name ?? "";
      if (section === undefined) return describePlace(image.file, "", address, around);
      return describePlace(image.file, section.name, address - section.start, around);
    },
    sectionAt,
    isCode,
    isInImage: (address) => address >= (sections[0]?.start ?? 0) && address <= last,
    offsetOf,
  };
  return map;
}

/** `kallsyms_offsets` has an entry of four bytes for each symbol. */
function locateNameTable(
  addresses: ReadonlyMap<string, number>,
  readNumber: (address: number) => number | undefined,
): Extent[] {
  const start = addresses.get(nameTable);
  const count = addresses.get("kallsyms_num_syms");
  if (start === undefined || count === undefined) return [];
  return [{ start, end: start + 4 * (readNumber(count) ?? 0), name: nameTable }];
}

function collectSections(image: ElfImage): SectionExtent[] {
  return image.sections.flatMap(({ name, flags, size }, index) => {
    const start = image.sectionAddress[index]!;
    return flags & sectionFlag.alloc && size > 0 ? [{ start, end: start + size, name, index }] : [];
  });
}

function collectSymbols(image: ElfImage) {
  const { symbols } = image;
  const addresses = new Map<string, number>();
  const extents: Extent[] = [];
  const functions: Extent[] = [];
  const named: Extent[] = [];
  for (const symbol of symbolsOf(image)) {
    const type = symbols.type[symbol];
    if (type === symbolType.section || type === symbolType.file) continue;
    const name = symbolName(image, symbol);
    const start = image.symbolAddress[symbol]!;
    addresses.set(name, start);
    if (symbols.isSpecial[symbol] === 1) continue;
    const extent = { start, end: start + symbols.size[symbol]!, name };
    named.push(extent);
    if (type === symbolType.function) functions.push(extent);
    if (type === symbolType.function || type === symbolType.object) extents.push(extent);
  }
  return { addresses, symbols: named, extents: sortExtents(extents), functions: sortExtents(functions) };
}

/** Bytes; a field that lies farther from an instruction is not part of it. */
const longestInstruction = 15;

interface ReplacementRow extends Replacement {
  /** The row's address. */
  readonly row: number;
  /** The instruction that it replaces. */
  readonly site: number;
}

/** Sizes that `struct alt_instr` has had. */
const sizesOfAlternative = [14, 12, 13];

/** From `.altinstructions`: of each piece of replacement code, what it is copied over. */
function collectReplacements(
  image: ElfImage,
  sections: readonly SectionExtent[],
  isCode: (address: number) => boolean,
): ReplacementRow[] {
  const table = sections.find(({ name }) => name === ".altinstructions");
  if (table === undefined) return [];
  const { offset, size } = image.sections[table.index]!;
  for (const entry of sizesOfAlternative) {
    if (size % entry !== 0) continue;
    const sites: ReplacementRow[] = [];
    for (let at = 0; at < size; at += entry) {
      const start = table.start + at + 4 + image.view.getInt32(offset + at + 4, true);
      sites.push({
        row: table.start + at,
        site: table.start + at + image.view.getInt32(offset + at, true),
        ...{ start, end: start + image.view.getUint8(offset + at + entry - 1) },
      });
    }
    if (sites.every(({ site }) => isCode(site))) return sites.sort((a, b) => a.start - b.start);
  }
  return [];
}

/** A pointer in the image. */
export function readPointer(map: ImageMap, address: number): number | undefined {
  const offset = map.offsetOf(address, 8);
  return offset === undefined ? undefined : signed64(map.image.view, offset);
}

export const readWord = (map: ImageMap, address: number) => wordAt(map.image, map.offsetOf(address, 4));

const wordAt = (image: ElfImage, offset: number | undefined) =>
  offset === undefined ? undefined : image.view.getUint32(offset, true);
