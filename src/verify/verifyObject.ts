// SPDX-License-Identifier: Apache-2.0
/**
 * The proof on the relocatable kernel, after objtool. Everything that refers to another section there is a
 * relocation, and its symbol says which section: each one that leads into a region is asked why that is no harm.
 */
import { relaSize, relocationType, sectionFlag, sectionType, symbolType } from "../elf/format.js";
import { countRelocations, type ElfObject, type Section, symbolName } from "../elf/object.js";
import { walkText } from "../elf/walkText.js";
import type { Claims, VerifiedRegion } from "./claims.js";
import {
  describePlace,
  type Extent,
  findAround,
  findLast,
  namesNear,
  sortExtents,
  stretchAround,
} from "./extents.js";
import {
  callsNothing,
  checkGuards,
  guardBytes,
  type How,
  isGate,
  jumpingTables,
  openAllowances,
  openTally,
  type Place,
  pageBytes,
  reasonOf,
  rowTables,
  sectionOfRegion,
  type Verification,
} from "./proof.js";

/** Extents of functions and objects, by section. */
type Extents = ReadonlyMap<number, readonly Extent[]>;

interface Surroundings {
  readonly object: ElfObject;
  readonly regionBySection: ReadonlyMap<number, VerifiedRegion>;
  readonly extents: Extents;
  readonly sites: ReadonlyMap<number, readonly Site[]>;
  /** Offsets of what refers to regions, by the region's section that it lies in. */
  readonly addressesIn: ReadonlyMap<number, readonly number[]>;
  /** What `findEnds` gives of a section. */
  readonly endsOf: (section: number) => ReadonlyMap<number, number>;
}

export function verifyObject(object: ElfObject, { regions, allowances }: Claims): Verification {
  const bySection = new Map(regions.map((region) => [sectionOfRegion(region), region]));
  const regionBySection = new Map<number, VerifiedRegion>();
  object.sections.forEach(({ name }, index) => {
    const region = bySection.get(name);
    if (region !== undefined) regionBySection.set(index, region);
  });
  const extents = collectExtents(object);
  const ends = new Map<number, ReadonlyMap<number, number>>();
  const surroundings: Surroundings = {
    object,
    regionBySection,
    extents,
    endsOf(section) {
      const found = ends.get(section) ?? findEnds(object, section, extents.get(section) ?? []);
      ends.set(section, found);
      return found;
    },
    sites: collectPatchedSites(object),
    addressesIn: collectAddresses(object, regionBySection),
  };
  const gates = collectGates(object);
  const takeAllowance = openAllowances(allowances, (section, table) => section === table);
  const tally = openTally();
  let relocations = 0;

  for (const rela of object.sections) {
    const holder = object.sections[rela.info];
    if (rela.type !== sectionType.rela || holder === undefined || !(holder.flags & sectionFlag.alloc))
      continue;
    const count = countRelocations(object, rela);
    relocations += count;
    for (let entry = 0; entry < count; entry++) {
      const at = rela.offset + entry * relaSize;
      if (
        gates.has(object.view.getUint32(at + 12, true)) &&
        isBranch(object, holder, at) &&
        callsNothing.has(object.sections[realSource(surroundings, rela, entry).section]!.name)
      )
        tally.add(undefined, () => ({
          from: describeSource(surroundings, rela.info, at),
          to: describeTarget(surroundings, at),
        }));
      const section = sectionAimedAt(object, at);
      const region = regionBySection.get(section);
      if (region === undefined) continue;
      const source = realSource(surroundings, rela, entry);
      const place = { ...placeOf(surroundings, source.section, source.offset), isRow: source.isRow };
      const how = source.jumps || isBranch(object, holder, at) ? "branch" : howOf(object, holder, at);
      const target = {
        region,
        holdsAddresses: () => holdsAddresses(surroundings, rela.info, at),
        names: () => namesAimedAt(surroundings, rela.info, at),
      };
      tally.add(reasonOf(place, how, target, takeAllowance), () => ({
        from: describeSource(surroundings, rela.info, at),
        to: describeTarget(surroundings, at),
      }));
    }
  }
  return {
    looked: { relocations },
    harmless: tally.harmless,
    violations: tally.violations,
    misplaced: [...checkPlaces(object, regions), ...checkTypes(object)],
  };
}

/** The section of the symbol that a relocation names; -1: it has none. */
function sectionAimedAt(object: ElfObject, at: number): number {
  const symbol = object.view.getUint32(at + 12, true);
  if (object.view.getUint32(at + 8, true) === relocationType.none || object.symbols.isSpecial[symbol])
    return -1;
  return object.symbols.sectionIndex[symbol] ?? -1;
}

const nameAround = ({ extents }: Surroundings, section: number, offset: number) =>
  findAround(extents.get(section) ?? [], offset)?.name ?? "";

function placeOf(surroundings: Surroundings, section: number, offset: number): Place {
  return {
    region: surroundings.regionBySection.get(section),
    table: surroundings.object.sections[section]!.name,
    around: nameAround(surroundings, section, offset),
  };
}

interface Source {
  readonly section: number;
  readonly offset: number;
  /** It jumps to what it refers to, whatever the field looks like. */
  readonly jumps: boolean;
  /** It is what a table says of code. */
  readonly isRow: boolean;
}

/**
 * Whose reference a relocation is: that of the section it is in, but for replacement code, which is copied over an
 * instruction, and for tables of places that an instruction jumps to.
 */
function realSource({ object, sites }: Surroundings, rela: Section, entry: number): Source {
  const at = rela.offset + entry * relaSize;
  const offset = object.view.getUint32(at, true);
  const own: Source = { section: rela.info, offset, jumps: false, isRow: false };
  const { name } = object.sections[rela.info]!;
  if (name === ".altinstr_replacement") {
    const site = findLast(sites.get(rela.info) ?? [], offset);
    return site === undefined ? own : { ...own, section: site.section, offset: site.offset };
  }
  const row = rowTables.get(name);
  const jumping = jumpingTables.get(name);
  const size = row?.entry ?? jumping?.entry;
  if (size === undefined || offset % size === 0) return own;
  // Without the instruction before it, the place stays that of the table, in which nothing may jump.
  for (let before = at - relaSize; before >= rela.offset; before -= relaSize) {
    const field = object.view.getUint32(before, true);
    if (field > offset - (offset % size)) continue;
    const section = sectionAimedAt(object, before);
    if (field < offset - (offset % size) || section <= 0) return own;
    const jumps = offset % size === jumping?.target;
    const isRow = offset % size === row?.data;
    return jumps || isRow ? { section, offset: placeAimedAt(object, before), jumps, isRow } : own;
  }
  return own;
}

/** What a PC-relative field of a table leads to: value and addend. */
function placeAimedAt(object: ElfObject, at: number): number {
  const symbol = object.view.getUint32(at + 12, true);
  return object.symbols.value[symbol]! + Number(object.view.getBigInt64(at + 16, true));
}

/** A call, a jump or a conditional jump: the byte before its operand is the opcode. */
function isBranch(object: ElfObject, holder: Section, at: number): boolean {
  const offset = object.view.getUint32(at, true);
  const type = object.view.getUint32(at + 8, true);
  if (!(holder.flags & sectionFlag.execute) || offset === 0) return false;
  if (type !== relocationType.pc32 && type !== relocationType.plt32) return false;
  const opcode = object.bytes[holder.offset + offset - 1]!;
  const before = offset < 2 ? 0 : object.bytes[holder.offset + offset - 2]!;
  return opcode === 0xe8 || opcode === 0xe9 || (opcode >> 4 === 8 && before === 0x0f);
}

/**
 * A PC-relative operand has a ModRM byte before it, with mod 0 and rm 5, and the opcode before that: all but `lea` read
 * or write what is there.
 */
function howOf(object: ElfObject, holder: Section, at: number): How {
  const offset = object.view.getUint32(at, true);
  if (!(holder.flags & sectionFlag.execute) || offset < 2) return "other";
  if (object.view.getUint32(at + 8, true) !== relocationType.pc32) return "other";
  const [opcode, modrm] = object.bytes.subarray(holder.offset + offset - 2, holder.offset + offset);
  return (modrm! & 0xc7) === 0x05 && opcode !== 0x8d ? "access" : "other";
}

/** Whether the object that code of a section has to do with, or what lies there without a name, holds addresses of regions. */
function holdsAddresses(surroundings: Surroundings, holder: number, at: number): boolean {
  const { object, extents, addressesIn } = surroundings;
  const section = sectionAimedAt(object, at);
  const symbol = object.view.getUint32(at + 12, true);
  // Where a name stands it says what is meant. Else it counts how far it is from the field to the instruction's end.
  const isNamed = object.symbols.type[symbol] !== symbolType.section;
  const behind = isNamed ? 0 : surroundings.endsOf(holder).get(object.view.getUint32(at, true));
  if (behind === undefined) return true;
  const place = isNamed ? object.symbols.value[symbol]! : placeAimedAt(object, at) + behind;
  const { start, end } = stretchAround(extents.get(section) ?? [], place);
  return (addressesIn.get(section) ?? []).some((offset) => offset >= start && offset < end);
}

/** What a relocation aims at, and what lies right beside that, which is what it may mean. */
function namesAimedAt({ object, extents }: Surroundings, holder: number, at: number): readonly string[] {
  const symbol = object.view.getUint32(at + 12, true);
  const isNamed = object.symbols.type[symbol] !== symbolType.section;
  const isCode = (object.sections[holder]!.flags & sectionFlag.execute) !== 0;
  const place = isNamed ? object.symbols.value[symbol]! : placeAimedAt(object, at) + (isCode ? 4 : 0);
  return namesNear(extents.get(sectionAimedAt(object, at)) ?? [], place, guardBytes);
}

/** Of each PC-relative operand in a section how many bytes its instruction's end is behind the operand's start. */
function findEnds(
  object: ElfObject,
  section: number,
  functions: readonly Extent[],
): ReadonlyMap<number, number> {
  const { offset: start, size } = object.sections[section]!;
  const code = object.bytes.subarray(start, start + size);
  const ends = new Map<number, number>();
  walkText(
    code,
    functions.map((one) => one.start),
    (offset, { length, relativeAt }) => {
      if (relativeAt > 0) ends.set(offset + relativeAt, length - relativeAt);
    },
  );
  return ends;
}

function describeSource(surroundings: Surroundings, section: number, at: number): string {
  const { object } = surroundings;
  const offset = object.view.getUint32(at, true);
  return describePlace(
    object.file,
    object.sections[section]!.name,
    offset,
    nameAround(surroundings, section, offset),
  );
}

function describeTarget(surroundings: Surroundings, at: number): string {
  const { object } = surroundings;
  const symbol = object.view.getUint32(at + 12, true);
  const type = object.view.getUint32(at + 8, true);
  const isRelative = type === relocationType.pc32 || type === relocationType.plt32;
  const section = object.symbols.sectionIndex[symbol]!;
  const offset = placeAimedAt(object, at) + (isRelative ? 4 : 0);
  const around =
    object.symbols.type[symbol] === symbolType.section
      ? nameAround(surroundings, section, offset)
      : symbolName(object, symbol);
  return describePlace(object.file, object.sections[section]!.name, offset, around);
}

/** Symbols of gates. */
function collectGates(object: ElfObject): ReadonlySet<number> {
  const { symbols } = object;
  const gates = new Set<number>();
  for (let symbol = 1; symbol < symbols.count; symbol++)
    if (symbols.type[symbol] === symbolType.function && isGate(symbolName(object, symbol))) gates.add(symbol);
  return gates;
}

/** Functions and objects by section, sorted by where they start. */
function collectExtents(object: ElfObject): Extents {
  const { symbols } = object;
  const bySection = new Map<number, Extent[]>();
  for (let symbol = 1; symbol < symbols.count; symbol++) {
    const type = symbols.type[symbol];
    if (type !== symbolType.function && type !== symbolType.object) continue;
    const section = symbols.sectionIndex[symbol]!;
    const start = symbols.value[symbol]!;
    const extents = bySection.get(section) ?? [];
    bySection.set(section, extents);
    extents.push({ start, end: start + symbols.size[symbol]!, name: symbolName(object, symbol) });
  }
  for (const extents of bySection.values()) sortExtents(extents);
  return bySection;
}

function collectAddresses(object: ElfObject, regionBySection: ReadonlyMap<number, VerifiedRegion>) {
  const bySection = new Map<number, number[]>();
  for (const rela of object.sections) {
    if (rela.type !== sectionType.rela || !regionBySection.has(rela.info)) continue;
    const offsets: number[] = [];
    const count = countRelocations(object, rela);
    for (let entry = 0; entry < count; entry++) {
      const at = rela.offset + entry * relaSize;
      if (regionBySection.has(sectionAimedAt(object, at))) offsets.push(object.view.getUint32(at, true));
    }
    bySection.set(rela.info, offsets);
  }
  return bySection;
}

interface Site {
  /** Where the replacement starts in its section. */
  readonly start: number;
  /** The instruction that it replaces. */
  readonly section: number;
  readonly offset: number;
}

/** From `.altinstructions`: what each piece of replacement code is copied over. */
function collectPatchedSites(object: ElfObject): ReadonlyMap<number, readonly Site[]> {
  const bySection = new Map<number, Site[]>();
  for (const rela of object.sections) {
    if (rela.type !== sectionType.rela || object.sections[rela.info]?.name !== ".altinstructions") continue;
    const count = countRelocations(object, rela);
    // struct alt_instr begins with two fields: the instruction and its replacement.
    for (let entry = 0; entry + 1 < count; entry += 2) {
      const at = rela.offset + entry * relaSize;
      const replacement = sectionAimedAt(object, at + relaSize);
      const section = sectionAimedAt(object, at);
      if (section <= 0) continue;
      const sites = bySection.get(replacement) ?? [];
      bySection.set(replacement, sites);
      sites.push({
        start: placeAimedAt(object, at + relaSize),
        section,
        offset: placeAimedAt(object, at),
      });
    }
  }
  for (const sites of bySection.values()) sites.sort((a, b) => a.start - b.start);
  return bySection;
}

function checkPlaces(object: ElfObject, regions: readonly VerifiedRegion[]): string[] {
  return regions.flatMap((region) => {
    const name = sectionOfRegion(region);
    const found = object.sections.filter((one) => one.name === name);
    const [section] = found;
    if (section === undefined || found.length > 1)
      return [`vmlinux.o has ${found.length} sections ${name} instead of one`];
    const what: string[] = [];
    if (section.size !== region.pages * pageBytes || section.align % pageBytes !== 0)
      what.push(`${name} is not made of the ${region.pages} pages that were planned`);
    if (region.kind === "text" && !(section.flags & sectionFlag.execute)) what.push(`${name} is no code`);
    if (region.kind !== "text" && !isDataOf(region.kind, section)) what.push(`${name} is no ${region.kind}`);
    if (section.type !== sectionType.nobits)
      what.push(...checkGuards(name, object.bytes.subarray(section.offset, section.offset + section.size)));
    return what;
  });
}

function isDataOf(kind: string, { flags, type }: Section): boolean {
  const isWritable = (flags & sectionFlag.write) !== 0;
  const isEmpty = type === sectionType.nobits;
  return !(flags & sectionFlag.execute) && isWritable === (kind !== "rodata") && isEmpty === (kind === "bss");
}

/** What would escape the proof. */
function checkTypes(object: ElfObject): string[] {
  return object.sections
    .filter(
      ({ type, info }) => type === sectionType.rel && (object.sections[info]?.flags ?? 0) & sectionFlag.alloc,
    )
    .map(({ name }) => `${name} holds relocations of a form that is not looked at`);
}
