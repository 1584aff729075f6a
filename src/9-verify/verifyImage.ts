// SPDX-License-Identifier: Apache-2.0
/**
 * The proof on the image as it is loaded. It looks only at addresses:
 *
 * - code is decoded; targets of branches and PC-relative operands count from the end of the instruction,
 *   which lies behind the end of the field if an immediate follows;
 * - absolute addresses, in code and data, are those that relocations name: the linker's own while the image has them
 *   (`--emit-relocs`), later those of `vmlinux.relocs`, with which the kernel relocates itself. Without either, or with a
 *   list of another image, any number in an instruction that looks like an address is one;
 * - every aligned word of data is examined, whatever relocations say;
 * - each entry of a table of places at which an instruction continues counts as a jump of that instruction.
 *
 * An address in the guard bytes of a region is not in the region: nothing lies there, and a pointer may lie just outside
 * of the object that it means.
 */

import { sectionFlag, symbolType } from "../elf/format.js";
import {
  type ElfImage,
  findImageRelocations,
  type ImageRelocation,
  readImageRelocation,
  signed64,
} from "../elf/image.js";
import { symbolsOf } from "../elf/object.js";
import { type Instruction, isRelative, relocationType, takesAddress, walkText } from "../x86/x86.js";
import { type Beside, type IsBeside, locateBeside } from "./beside.js";
import type { Claims } from "./claims.js";
import { checkGates } from "./imageGates.js";
import { type ImageMap, isLoaded, mapImage } from "./imageMap.js";
import { checkPadding } from "./imagePadding.js";
import { bytesOfRegion, checkRegions } from "./imageRegions.js";
import { paddingRegion } from "./paddingTable.js";
import {
  checkOwnTables,
  distanceTables,
  type How,
  jumpingTables,
  openAllowances,
  openTally,
  type RowLayout,
  reasonAtGate,
  reasonOf,
  reasonOfAll,
  rowTables,
  type TakeAllowance,
  type Verification,
} from "./proof.js";
import type { AbsoluteField } from "./relocationList.js";

export function verifyImage(
  image: ElfImage,
  { regions, padding, allowances }: Claims,
  relocationList?: Iterable<AbsoluteField>,
  beside: Beside = { fields: [], marks: new Map() },
): Verification {
  const map = mapImage(image, regions);
  const proof = openProof(map, openAllowances(allowances, isPlacedIn), locateBeside(beside, image));
  const fields = relocationList === undefined ? undefined : locateFields(map, relocationList);
  const looked = {
    ...proveReferences(proof, fields),
    ...(relocationList !== undefined && fields === undefined ? { "list of another kernel": 1 } : {}),
  };
  return {
    looked,
    harmless: proof.harmless,
    violations: proof.violations,
    misplaced: [
      ...checkRegions(map, regions),
      ...checkPadding(map, padding),
      ...checkGates(map, regions),
      ...checkOwnTables(image),
      ...proof.misplaced,
    ],
  };
}

/** Where INIT_TEXT, INIT_DATA and their like of the kernel's linker script put a section of `vmlinux.o`. */
const isPlacedIn = (section: string, table: string) =>
  table === section || table === (/^\.(init|exit)\.(text|data)/.exec(section)?.[0] ?? ".init.data");

/** Goes through everything that can refer to something. Gives how much of what was looked at. */
function proveReferences(
  proof: Proof,
  fields: readonly AbsoluteField[] | undefined,
): Readonly<Record<string, number>> {
  const { image } = proof.map;
  const looked: Record<string, number> = {};
  const count = (what: string, amount: number) => {
    looked[what] = (looked[what] ?? 0) + amount;
  };

  proveTables(proof); // before the fields of these tables are looked at for themselves
  const starts = collectStarts(image);
  image.sections.forEach((section, index) => {
    if (!isLoaded(image, index)) return;
    const own = findImageRelocations(image, index);
    if (own.length > 0) count("relocations", own.length);
    if (section.flags & sectionFlag.execute) {
      const isUnlisted = own.length === 0 && fields === undefined;
      const found = proveText(proof, index, starts.get(index) ?? [], own, isUnlisted);
      count("instructions", found.instructions);
      if (found.undecoded > 0) count("bytes that are no instruction", found.undecoded);
    } else {
      for (const at of own) proof.relocation(readImageRelocation(image, at), 0, 0);
      count("words", proveWords(proof, index));
    }
  });
  count("distances", proveDistances(proof));
  if (fields !== undefined) count("absolute addresses", proveList(proof, fields));
  return looked;
}

type Proof = ReturnType<typeof openProof>;

/** Takes one reference after the other; a field that was found by two ways is one. */
function openProof(map: ImageMap, takeAllowance: TakeAllowance, isBeside: IsBeside) {
  const { image } = map;
  const tally = openTally();
  const misplaced: string[] = [];
  const judged = new Set<number>();
  const excused = new Set<number>();
  const judgedAtGates = new Set<number>();

  /** The field at `field` holds the address `target`, and is part of what stands at `source`. */
  const reference = (field: number, source: number, target: number, how: How, isRow = false): void => {
    const region = map.regionAt(target);
    if (region === undefined || judged.has(field)) return;
    const isExcused = how !== "branch" && !isRow && region !== paddingRegion && isBeside(field, target);
    if (isExcused && excused.has(field)) return;
    // Whatever else an excused field is found to refer to is judged all the same.
    (isExcused ? excused : judged).add(field);
    const aim = {
      region,
      holdsAddresses: () => map.holdsAddresses(target),
      names: () => map.namesNear(target),
    };
    const reason = isExcused
      ? "beside what stays"
      : reasonOfAll(
          map.placesOf(source, field).map((place) => reasonOf({ ...place, isRow }, how, aim, takeAllowance)),
        );
    tally.add(reason, () => ({
      from: map.describe(source),
      to: `${map.describe(target)} of ${region === paddingRegion ? "the" : "region"} ${region.name}`,
    }));
  };
  /** Behind its start a gate does not look at its flag. */
  const referenceToGate = (field: number, source: number, target: number, how: How): void => {
    const gate = map.gateAt(target);
    if (gate === undefined || judgedAtGates.has(field)) return;
    judgedAtGates.add(field);
    const behind = target - gate.start;
    const reasons = map.placesOf(source, field).map((place) => reasonAtGate(place, how, gate.name, behind));
    if (reasons.includes(undefined))
      tally.add(undefined, () => ({ from: map.describe(source), to: map.describe(target) }));
  };
  return {
    ...tally,
    map,
    misplaced,
    reference(field: number, source: number, target: number, how: How, isRow = false): void {
      reference(field, source, target, how, isRow);
      referenceToGate(field, source, target, how);
    },
    /**
     * The target of a relocation: its symbol and addend. Its target lies `from` to `to` bytes behind that where the
     * field is PC-relative and it is not known where its instruction ends. A symbol that has a name is meant
     * whatever is added to it.
     */
    relocation(
      { address, type, symbol, addend }: ImageRelocation,
      from: number,
      to: number,
      how: How = "other",
    ): void {
      if (type === relocationType.none) return;
      const value = image.symbolAddress[symbol]!;
      if (from === to) referenceToGate(address, address, value + addend + from, how);
      for (let behind = from; behind <= to; behind++)
        reference(address, address, value + addend + behind, how);
      if (image.symbols.type[symbol] !== symbolType.section && image.symbols.isSpecial[symbol] === 0)
        reference(address, address, value, how);
    },
  };
}

/** Offsets of all symbols of a section, ascending. */
function collectStarts(image: ElfImage): ReadonlyMap<number, readonly number[]> {
  const { symbols } = image;
  const bySection = new Map<number, number[]>();
  for (const symbol of symbolsOf(image)) {
    if (symbols.isSpecial[symbol] || symbols.type[symbol] === symbolType.section) continue;
    const section = symbols.sectionIndex[symbol]!;
    if (!((image.sections[section]?.flags ?? 0) & sectionFlag.execute)) continue;
    const starts = bySection.get(section) ?? [];
    bySection.set(section, starts);
    starts.push(image.symbolAddress[symbol]! - image.sectionAddress[section]!);
  }
  for (const starts of bySection.values()) starts.sort((a, b) => a - b);
  return bySection;
}

/** A field of four bytes that is followed by an immediate of four at most. */
const nearestEnd = 4;
const farthestEnd = 8;

function proveText(
  proof: Proof,
  section: number,
  starts: readonly number[],
  relocations: Float64Array,
  looksForAddresses: boolean,
) {
  const { image } = proof.map;
  const { bytes, view } = image;
  const { offset: fileOffset, size } = image.sections[section]!;
  const base = image.sectionAddress[section]!;
  let next = 0;
  /** Takes the relocations of fields before an address. */
  const take = (end: number, use: (relocation: ImageRelocation) => void) => {
    for (; next < relocations.length && signed64(view, relocations[next]!) < end; next++)
      use(readImageRelocation(image, relocations[next]!));
  };
  const takeUndecoded = (end: number) =>
    take(end, (one) => proof.relocation(one, 0, isRelative(one.type) ? farthestEnd : 0));
  const found = walkText(bytes.subarray(fileOffset, fileOffset + size), starts, (offset, instruction) => {
    const address = base + offset;
    takeUndecoded(address);
    const { length, relativeAt, relativeWidth, isBranch } = instruction;
    let how: How = "other";
    if (relativeAt > 0) {
      const field = fileOffset + offset + relativeAt;
      const distance = relativeWidth === 4 ? view.getInt32(field, true) : view.getInt8(field);
      how = isBranch ? "branch" : takesAddress(bytes, field) ? "other" : "access";
      proof.reference(address + relativeAt, address, address + length + distance, how);
    }
    take(address + length, (one) => {
      const behind = length - relativeAt;
      if (!isRelative(one.type)) proof.relocation(one, 0, 0);
      else if (one.address === address + relativeAt) proof.relocation(one, behind, behind, how);
      else proof.relocation(one, nearestEnd, farthestEnd);
    });
    if (looksForAddresses) proveOperands(proof, address, fileOffset + offset, instruction);
  });
  takeUndecoded(Number.POSITIVE_INFINITY);
  return found;
}

/** Without any list of addresses: those that stand in an instruction, be they numbers that look the same. */
function proveOperands(proof: Proof, address: number, at: number, instruction: Instruction): void {
  const { view } = proof.map.image;
  const { displacementAt, immediateAt, immediateWidth } = instruction;
  if (displacementAt > 0)
    proof.reference(address + displacementAt, address, view.getInt32(at + displacementAt, true), "other");
  if (immediateWidth === 4)
    proof.reference(address + immediateAt, address, view.getInt32(at + immediateAt, true), "other");
  if (immediateWidth === 8)
    proof.reference(address + immediateAt, address, signed64(view, at + immediateAt), "other");
}

/**
 * Words that are numbers and may look like addresses: `struct pci_fixup` (include/linux/pci.h) begins with a vendor, a
 * device and a class, and device 8183 of Intel, of any class, reads as 0xffffffff81838086. Its call is a distance.
 */
const numbers: ReadonlyMap<string, (offset: number) => boolean> = new Map([
  [".pci_fixup", (offset) => offset % 16 === 0],
]);

/** Every aligned word of a section of data. */
function proveWords(proof: Proof, section: number): number {
  const { image } = proof.map;
  const { name, offset, size } = image.sections[section]!;
  const isNumber = numbers.get(name);
  const base = image.sectionAddress[section]!;
  const first = ((-base % 8) + 8) % 8;
  let words = 0;
  for (let at = first; at + 8 <= size; at += 8, words++)
    // Quicker than the question itself: the kernel's addresses are the last 2 GiB.
    if (image.view.getInt32(offset + at + 4, true) === -1 && !isNumber?.(at))
      proof.reference(base + at, base + at, signed64(image.view, offset + at), "other");
  return words;
}

function proveList({ map, reference }: Proof, fields: readonly AbsoluteField[]): number {
  const { view } = map.image;
  for (const { address, width } of fields) {
    const offset = map.offsetOf(address, width)!;
    reference(address, address, width === 8 ? signed64(view, offset) : view.getInt32(offset, true), "other");
  }
  return fields.length;
}

/** Percentage of fields that may hold something else: values counted from the start of memory or from page tables. */
const mostStrange = 1;

/**
 * The fields of `vmlinux.relocs` where they stand in the image; undefined: the list is of another one. For in that of this
 * image every field is there, nearly all hold addresses of it, and the places of the regions in the kernel's own table are
 * among them.
 */
function locateFields(map: ImageMap, list: Iterable<AbsoluteField>): readonly AbsoluteField[] | undefined {
  const { view } = map.image;
  // Per-CPU data is linked at 0 and loaded with the rest.
  const loaded = map.addresses.get("__per_cpu_load");
  const linked = map.addresses.get("__per_cpu_start");
  const fields: AbsoluteField[] = [];
  const table = map.addresses.get("jettison_regions") ?? 0;
  const missing = new Set(map.regions.map((_, index) => table + index * bytesOfRegion));
  let addresses = 0;
  let strange = 0;
  for (const one of list) {
    const { width, isDistance } = one;
    const address =
      map.sectionAt(one.address) === undefined && loaded !== undefined && linked !== undefined
        ? linked + (one.address - loaded)
        : one.address;
    const offset = map.offsetOf(address, width);
    if (offset === undefined) return undefined;
    fields.push({ ...one, address });
    missing.delete(address);
    if (isDistance) continue;
    addresses++;
    const target = width === 8 ? signed64(view, offset) : view.getInt32(offset, true);
    if (!map.isInImage(target)) strange++;
  }
  return missing.size === 0 && strange * 100 <= addresses * mostStrange ? fields : undefined;
}

/** Places that an instruction jumps to, and data that a table assigns to it. */
function proveTables(proof: Proof): void {
  const { map } = proof;
  const { view } = map.image;
  const forEachRow = (name: string, entry: number, use: (row: number, offset: number) => void) => {
    const table = map.tableNamed(name);
    for (let row = table?.start ?? 0; row + entry <= (table?.end ?? 0); row += entry) {
      const offset = map.offsetOf(row, entry);
      if (offset === undefined) {
        proof.misplaced.push(`${name} does not lie in ${map.image.file}`);
        return;
      }
      use(row, offset);
    }
  };
  for (const { row, site } of map.replacements) proof.reference(row, row, site, "other");
  for (const [name, { entry, target }] of jumpingTables)
    forEachRow(name, entry, (row, offset) => {
      const site = row + view.getInt32(offset, true);
      proof.reference(row, row, site, "other");
      proof.reference(row + target, site, row + target + view.getInt32(offset + target, true), "branch");
    });
  for (const [name, layouts] of rowTables) {
    const fitting = layouts.find((one) => fitsTable(map, name, one));
    if (fitting === undefined && layouts.length > 1)
      proof.misplaced.push(`${name} has rows of no known size, or some that are of no code`);
    const { entry, data, width } = fitting ?? layouts[0]!;
    forEachRow(name, entry, (row, offset) => {
      const site = row + view.getInt32(offset, true);
      proof.reference(row, row, site, "other");
      for (const at of data) {
        const distance = width === 8 ? signed64(view, offset + at) : view.getInt32(offset + at, true);
        proof.reference(row + at, site, withoutFlags(row + at + distance, name), "other", true);
      }
    });
  }
}

/** Whether a table, if there is one, consists of rows of such a size that begin with the place of an instruction. */
function fitsTable(map: ImageMap, name: string, { entry }: RowLayout): boolean {
  const { start, end } = map.tableNamed(name) ?? { start: 0, end: 0 };
  if ((end - start) % entry !== 0) return false;
  for (let row = start; row < end; row += entry) {
    const offset = map.offsetOf(row, entry);
    if (offset === undefined || !map.isCode(row + map.image.view.getInt32(offset, true))) return false;
  }
  return true;
}

/** Targets of tables that count from their own fields. */
function proveDistances({ map, reference }: Proof): number {
  let fields = 0;
  for (const { bounds, entry, field } of distanceTables) {
    const table =
      typeof bounds === "string"
        ? map.tableNamed(bounds)
        : { start: map.addresses.get(bounds[0]) ?? 0, end: map.addresses.get(bounds[1]) ?? 0 };
    for (let row = table?.start ?? 0; row + entry <= (table?.end ?? 0); row += entry) {
      const at = row + field;
      const offset = map.offsetOf(at, 4);
      if (offset === undefined) break;
      fields++;
      reference(at, at, at + map.image.view.getInt32(offset, true), "other");
    }
  }
  return fields;
}

/** The keys of static branches and calls are aligned, and have flags in their last two bits. */
const withoutFlags = (address: number, table: string) =>
  table === "__bug_table" ? address : address - (((address % 4) + 4) % 4);
