// SPDX-License-Identifier: Apache-2.0
/**
 * The proof on the relocatable kernel, after objtool. There, every reference to another section is a
 * relocation, whose symbol names the section: each one that leads into a region needs a reason why it is harmless.
 */

import { relaSize, sectionFlag, sectionType, symbolType } from "../elf/format.js";
import { signed64 } from "../elf/image.js";
import { lastIndex } from "../elf/lastIndex.js";
import { countRelocations, type ElfObject, type Section, symbolName, symbolsOf } from "../elf/object.js";
import { isRelative, pageSize, relocationType, takesAddress, walkText } from "../x86/x86.js";
import type { Claims, VerifiedRegion } from "./claims.js";
import { describePlace, type Extent, findAround, namesNear, sortExtents, stretchAround } from "./extents.js";
import {
  checkGuards,
  checkOwnTables,
  guardBytes,
  type How,
  isGate,
  jumpingTables,
  openAllowances,
  openTally,
  type Place,
  type RowLayout,
  reasonAtGate,
  reasonOf,
  reasonOfAll,
  rowTables,
  sectionOfRegion,
  type Verification,
} from "./proof.js";
import { type Replacement, replacementsAt } from "./replacements.js";

/** An offset at which an instruction starts. */
interface Start {
  readonly start: number;
}

/** Extents of functions and objects, by section. */
type Extents = ReadonlyMap<number, readonly Extent[]>;

interface Surroundings {
  readonly object: ElfObject;
  readonly regionBySection: ReadonlyMap<number, VerifiedRegion>;
  readonly extents: Extents;
  readonly sites: ReadonlyMap<number, readonly Site[]>;
  /** Layouts of the tables of rows, by their sections. */
  readonly layouts: ReadonlyMap<number, RowLayout>;
  /** Offsets of what refers to regions, by the region's section that it lies in. */
  readonly addressesIn: ReadonlyMap<number, readonly number[]>;
  /** Offsets of all symbols of sections with code, ascending: an instruction starts at each. */
  readonly starts: ReadonlyMap<number, readonly Start[]>;
}

export function verifyObject(object: ElfObject, { regions: all, allowances }: Claims): Verification {
  // Tables come into being later: what refers to them is seen in the image.
  const regions = all.filter(({ readers }) => readers === undefined);
  const bySection = new Map(regions.map((region) => [sectionOfRegion(region), region]));
  const regionBySection = new Map<number, VerifiedRegion>();
  object.sections.forEach(({ name }, index) => {
    const region = bySection.get(name);
    if (region !== undefined) regionBySection.set(index, region);
  });
  const extents = collectExtents(object);
  const surroundings: Surroundings = {
    object,
    regionBySection,
    extents,
    starts: collectStarts(object),
    sites: collectPatchedSites(object),
    layouts: collectLayouts(object),
    addressesIn: collectAddresses(object, regionBySection),
  };
  const gates = collectGates(object, extents);
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
      const section = sectionAimedAt(object, at);
      const violation = () => ({
        from: describeSource(surroundings, rela.info, at),
        to: describeTarget(surroundings, at),
      });
      const gatesThere = gates.get(section);
      const place = gatesThere === undefined ? 0 : placeLedTo(object, holder, at);
      const gate = gatesThere === undefined ? undefined : findAround(gatesThere, place);
      if (gate !== undefined) {
        const { how } = useOf(surroundings, rela.info, at);
        const reasons = realSources(surroundings, rela, entry).map((source) =>
          reasonAtGate(placeOf(surroundings, source), how, gate.name, place - gate.start),
        );
        if (reasons.includes(undefined)) tally.add(undefined, violation);
      }
      const region = regionBySection.get(section);
      if (region === undefined) continue;
      const use = useOf(surroundings, rela.info, at);
      const target = {
        region,
        holdsAddresses: () => holdsAddresses(surroundings, rela.info, at),
        names: () => namesAimedAt(surroundings, rela.info, at),
      };
      const reasons = realSources(surroundings, rela, entry).map((source) =>
        reasonOf(placeOf(surroundings, source), source.jumps ? "branch" : use.how, target, takeAllowance),
      );
      tally.add(reasonOfAll(reasons), violation);
    }
  }
  return {
    looked: { relocations },
    harmless: tally.harmless,
    violations: tally.violations,
    misplaced: [...checkPlaces(object, regions), ...checkTypes(object), ...checkOwnTables(object)],
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

const placeOf = (surroundings: Surroundings, { section, offset, isRow, isPatchedIn }: Source): Place => ({
  region: surroundings.regionBySection.get(section),
  table: surroundings.object.sections[section]!.name,
  around: nameAround(surroundings, section, offset),
  isRow,
  isPatchedIn,
});

interface Source {
  readonly section: number;
  readonly offset: number;
  /** It jumps to what it refers to, whatever the field looks like. */
  readonly jumps: boolean;
  /** Whether a table that describes code has the reference. */
  readonly isRow: boolean;
  readonly isPatchedIn: boolean;
}

/** By the places that are relocated; a table for which no layout fits has none. */
function collectLayouts(object: ElfObject): ReadonlyMap<number, RowLayout> {
  const layouts = new Map<number, RowLayout>();
  for (const rela of object.sections) {
    const name = rela.type === sectionType.rela ? object.sections[rela.info]?.name : undefined;
    const layout = rowTables.get(name ?? "")?.find((one) => fitsRelocations(object, rela, name!, one));
    if (layout !== undefined) layouts.set(rela.info, layout);
  }
  return layouts;
}

/** Whether each relocation of a table is that of a field. */
function fitsRelocations(
  object: ElfObject,
  rela: Section,
  name: string,
  { entry, data }: RowLayout,
): boolean {
  const fields = new Set([0, jumpingTables.get(name)?.target, ...data]);
  const end = rela.offset + countRelocations(object, rela) * relaSize;
  for (let at = rela.offset; at < end; at += relaSize)
    if (!fields.has(object.view.getUint32(at, true) % entry)) return false;
  return true;
}

/**
 * Whose reference a relocation is: that of the section it is in, but for replacement code, which is copied over
 * instructions, and for tables of places that an instruction jumps to.
 */
function realSources(
  { object, sites, layouts }: Surroundings,
  rela: Section,
  entry: number,
): readonly Source[] {
  const at = rela.offset + entry * relaSize;
  const offset = object.view.getUint32(at, true);
  const own: Source = { section: rela.info, offset, jumps: false, isRow: false, isPatchedIn: false };
  const { name } = object.sections[rela.info]!;
  const copies = replacementsAt(sites.get(rela.info) ?? [], offset);
  if (copies.length > 0)
    return [
      ...(name === ".altinstr_replacement" ? [] : [own]),
      ...copies.map((copy) => ({ ...own, section: copy.section, offset: copy.offset, isPatchedIn: true })),
    ];
  const row = layouts.get(rela.info);
  const jumping = jumpingTables.get(name);
  const size = row?.entry ?? jumping?.entry;
  if (size === undefined || offset % size === 0) return [own];
  // Without the instruction before it, the place stays that of the table, in which nothing may jump.
  for (let before = at - relaSize; before >= rela.offset; before -= relaSize) {
    const field = object.view.getUint32(before, true);
    if (field > offset - (offset % size)) continue;
    const section = sectionAimedAt(object, before);
    if (field < offset - (offset % size) || section <= 0) return [own];
    const jumps = offset % size === jumping?.target;
    const isRow = row?.data.includes(offset % size) ?? false;
    return jumps || isRow
      ? [{ section, offset: placeAimedAt(object, before), jumps, isRow, isPatchedIn: true }]
      : [own];
  }
  return [own];
}

/** The target of a PC-relative field of a table: value and addend. */
function placeAimedAt(object: ElfObject, at: number): number {
  const symbol = object.view.getUint32(at + 12, true);
  return object.symbols.value[symbol]! + signed64(object.view, at + 16);
}

/** The same, of a field in code counted from behind it, where instructions end that have no immediate. */
function placeLedTo(object: ElfObject, holder: Section, at: number): number {
  const isCode = (holder.flags & sectionFlag.execute) !== 0;
  return (
    placeAimedAt(object, at) + (isCode && isRelative(object.view.getUint32(at + 8, true)) ? fieldBytes : 0)
  );
}

/** The size of a field that is PC-relative, or holds 32 bits of an address. */
const fieldBytes = 4;
const longestInstruction = 15;

interface Use {
  readonly how: How;
  /** How many bytes the end of the instruction is behind the start of the field; undefined: it is no PC-relative operand. */
  readonly behind: number | undefined;
}

/** How the instruction of a relocation uses the relocation's target. */
function useOf({ object, starts }: Surroundings, section: number, at: number): Use {
  const field = object.view.getUint32(at, true);
  const { flags, offset: base, size } = object.sections[section]!;
  let use: Use = { how: "other", behind: undefined };
  if (!(flags & sectionFlag.execute) || !isRelative(object.view.getUint32(at + 8, true))) return use;
  const inSection = starts.get(section) ?? [];
  const before = lastIndex(inSection, field);
  const start = inSection[before]?.start ?? 0;
  const end = Math.min(inSection[before + 1]?.start ?? size, size, field + longestInstruction);
  walkText(object.bytes.subarray(base + start, base + end), [], (offset, one) => {
    const operand = start + offset + one.relativeAt;
    if (one.relativeAt === 0 || operand !== field) return;
    use = {
      how: one.isBranch ? "branch" : takesAddress(object.bytes, base + field) ? "other" : "access",
      behind: one.length - one.relativeAt,
    };
  });
  return use;
}

/** The target of a PC-relative operand, which counts from the end of its instruction; undefined: it is none. */
function placeOfOperand(surroundings: Surroundings, holder: number, at: number): number | undefined {
  const { behind } = useOf(surroundings, holder, at);
  return behind === undefined ? undefined : placeAimedAt(surroundings.object, at) + behind;
}

/** Whether the object that code of a section has to do with, or what lies there without a name, holds addresses of regions. */
function holdsAddresses(surroundings: Surroundings, holder: number, at: number): boolean {
  const { object, extents, addressesIn } = surroundings;
  const section = sectionAimedAt(object, at);
  const symbol = object.view.getUint32(at + 12, true);
  // If the symbol has a name, the name decides.
  const isNamed = object.symbols.type[symbol] !== symbolType.section;
  const place = isNamed ? object.symbols.value[symbol]! : placeOfOperand(surroundings, holder, at);
  if (place === undefined) return true;
  const { start, end } = stretchAround(extents.get(section) ?? [], place);
  return (addressesIn.get(section) ?? []).some((offset) => offset >= start && offset < end);
}

/** The target of a relocation, and the places right beside it, which it may mean. The first is the likeliest. */
function namesAimedAt(surroundings: Surroundings, holder: number, at: number): readonly string[] {
  const { object, extents } = surroundings;
  const symbol = object.view.getUint32(at + 12, true);
  const isNamed = object.symbols.type[symbol] !== symbolType.section;
  const place = isNamed
    ? object.symbols.value[symbol]!
    : (placeOfOperand(surroundings, holder, at) ?? placeLedTo(object, object.sections[holder]!, at));
  return namesNear(extents.get(sectionAimedAt(object, at)) ?? [], place, guardBytes);
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
  const section = object.symbols.sectionIndex[symbol]!;
  const offset = placeAimedAt(object, at) + (isRelative(type) ? fieldBytes : 0);
  const around =
    object.symbols.type[symbol] === symbolType.section
      ? nameAround(surroundings, section, offset)
      : symbolName(object, symbol);
  return describePlace(object.file, object.sections[section]!.name, offset, around);
}

/** Gates by section of code, sorted. */
function collectGates({ sections }: ElfObject, extents: Extents): Extents {
  return new Map(
    [...extents].flatMap(([section, inSection]) => {
      if (!((sections[section]?.flags ?? 0) & sectionFlag.execute)) return [];
      const gates = inSection.filter(({ name }) => isGate(name));
      return gates.length === 0 ? [] : [[section, gates] as const];
    }),
  );
}

function collectStarts(object: ElfObject): ReadonlyMap<number, readonly Start[]> {
  const { sections, symbols } = object;
  const bySection = new Map<number, Start[]>();
  for (const symbol of symbolsOf(object)) {
    if (symbols.isSpecial[symbol] || symbols.type[symbol] === symbolType.section) continue;
    const section = symbols.sectionIndex[symbol]!;
    if (!((sections[section]?.flags ?? 0) & sectionFlag.execute)) continue;
    const starts = bySection.get(section) ?? [];
    bySection.set(section, starts);
    starts.push({ start: symbols.value[symbol]! });
  }
  for (const starts of bySection.values()) starts.sort((a, b) => a.start - b.start);
  return bySection;
}

/** Functions and objects by section, sorted by where they start. */
function collectExtents(object: ElfObject): Extents {
  const { symbols } = object;
  const bySection = new Map<number, Extent[]>();
  for (const symbol of symbolsOf(object)) {
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

interface Site extends Replacement {
  /** The instruction that it replaces. */
  readonly section: number;
  readonly offset: number;
}

/** From `.altinstructions`: what each piece of replacement code is copied over. */
function collectPatchedSites(object: ElfObject): ReadonlyMap<number, readonly Site[]> {
  const bySection = new Map<number, Site[]>();
  for (const rela of object.sections) {
    const table = object.sections[rela.info];
    if (rela.type !== sectionType.rela || table?.name !== ".altinstructions") continue;
    const count = countRelocations(object, rela);
    // struct alt_instr begins with two fields, the instruction and its replacement, and ends with the latter's length.
    for (let entry = 0; entry + 1 < count; entry += 2) {
      const at = rela.offset + entry * relaSize;
      const end = entry + 2 < count ? object.view.getUint32(at + 2 * relaSize, true) : table.size;
      const replacement = sectionAimedAt(object, at + relaSize);
      const section = sectionAimedAt(object, at);
      if (section <= 0 || end <= 0 || end > table.size) continue;
      const sites = bySection.get(replacement) ?? [];
      bySection.set(replacement, sites);
      const start = placeAimedAt(object, at + relaSize);
      sites.push({
        ...{ start, end: start + object.bytes[table.offset + end - 1]! },
        ...{ section, offset: placeAimedAt(object, at) },
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
    if (section.size !== region.pages * pageSize || section.align % pageSize !== 0)
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

/** References that would escape the proof. */
function checkTypes(object: ElfObject): string[] {
  return object.sections
    .filter(
      ({ type, info }) => type === sectionType.rel && (object.sections[info]?.flags ?? 0) & sectionFlag.alloc,
    )
    .map(({ name }) => `${name} holds relocations of a form that is not looked at`);
}
