// SPDX-License-Identifier: Apache-2.0
/**
 * Proves invariant 1 on the relocatable kernel, after objtool: no reference from anything that may outlive a
 * region leads into it, gates apart. It shares the ELF reader with the planner and nothing else, and of the
 * plan it knows only the regions and their owners: it goes through every relocation of `vmlinux.o` anew and
 * asks of each one that leads into a region why that is no harm.
 */

import { relaSize, relocationType, sectionFlag, sectionType, symbolType } from "../elf/format.js";
import { countRelocations, type ElfObject, type Section, symbolName } from "../elf/object.js";

export interface VerifiedRegion {
  /** Name of its section in `vmlinux.o`. */
  readonly section: string;
  readonly owners: readonly string[];
  /** Its manifest shows that init code stores addresses of it only where it is in use. */
  readonly registersWhenInUse: boolean;
}

export interface Violation {
  /** `.text+0x1c (caller)`: section, offset, and the function or object around it. */
  readonly from: string;
  readonly to: string;
}

export interface Verification {
  readonly relocations: number;
  /** References into regions, by what makes them harmless. */
  readonly harmless: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
  /** Faults in the regions themselves. */
  readonly misplaced: readonly string[];
}

/** Sections that say something about code and are never called through. */
const describing = new Set([
  ...[
    "__bug_table",
    "__ex_table",
    "__jump_table",
    "__mcount_loc",
    "__patchable_function_entries",
    ".orc_unwind_ip",
  ],
  ...[
    ".altinstructions",
    ".smp_locks",
    ".retpoline_sites",
    ".return_sites",
    ".call_sites",
    ".ibt_endbr_seal",
  ],
  ...[".static_call_sites", ".parainstructions", ".cfi_sites", ".kcfi_traps", "_kprobe_blacklist"],
  ...["_error_injection_whitelist", ".printk_index", ".export_symbol", ".exitcall.exit"],
]);

const isInit = (name: string) => /^\.(init|exit)\.|^\.altinstr_aux$|^\.initcall|^\.con_initcall/.test(name);

interface Extent {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

export function verifyObject(object: ElfObject, regions: readonly VerifiedRegion[]): Verification {
  const regionBySection = new Map<number, VerifiedRegion>();
  object.sections.forEach((section, index) => {
    const region = regions.find((one) => one.section === section.name);
    if (region !== undefined) regionBySection.set(index, region);
  });
  const extents = collectExtents(object);
  const sites = collectPatchedSites(object);
  const harmless: Record<string, number> = {};
  const violations: Violation[] = [];
  let relocations = 0;

  object.sections.forEach((rela) => {
    const holder = object.sections[rela.info];
    if (rela.type !== sectionType.rela || holder === undefined || !(holder.flags & sectionFlag.alloc)) return;
    const count = countRelocations(object, rela);
    relocations += count;
    for (let entry = 0; entry < count; entry++) {
      const at = rela.offset + entry * relaSize;
      const symbol = object.view.getUint32(at + 12, true);
      const target = object.symbols.isSpecial[symbol] ? -1 : object.symbols.sectionIndex[symbol]!;
      const region = regionBySection.get(target);
      if (region === undefined) continue;
      const offset = object.view.getUint32(at, true);
      const why = reasonOf(object, { rela, offset, at, region, regionBySection, extents, sites });
      if (why !== undefined) harmless[why] = (harmless[why] ?? 0) + 1;
      else
        violations.push({
          from: describePlace(holder, offset, extents.get(rela.info)),
          to: `${object.sections[target]!.name} (${symbolName(object, symbol)})`,
        });
    }
  });
  return { relocations, harmless, violations, misplaced: checkPlaces(object, regions) };
}

interface Question {
  readonly rela: Section;
  readonly offset: number;
  readonly at: number;
  readonly region: VerifiedRegion;
  readonly regionBySection: ReadonlyMap<number, VerifiedRegion>;
  readonly extents: ReadonlyMap<number, readonly Extent[]>;
  readonly sites: ReadonlyMap<number, readonly Site[]>;
}

/** Why a reference into a region does no harm; undefined: it does. */
function reasonOf(object: ElfObject, question: Question): string | undefined {
  const { rela, offset, at, region, regionBySection, extents, sites } = question;
  let holder = rela.info;
  if (object.sections[holder]!.name === ".altinstr_replacement") {
    const site = findLast(sites.get(holder) ?? [], offset);
    if (site !== undefined) holder = site.section;
  }
  const { name } = object.sections[holder]!;
  const own = regionBySection.get(holder);
  if (own === region) return "inside the region";
  if (own?.owners.every((owner) => region.owners.includes(owner))) return "from a region that leaves first";
  if (describing.has(name) || name.startsWith(".discard")) return "describes";
  if (isInit(name)) {
    if (isBranch(object, object.sections[rela.info]!, offset, at)) return "called while booting";
    if (region.registersWhenInUse) return "stored only when in use";
  }
  const around = findLast(extents.get(holder) ?? [], offset);
  const within = around !== undefined && offset < around.end ? around.name : "";
  if (/^jettison_gate_\w+$/.test(within) && name.startsWith(".text")) return "gate";
  if (within === "jettison_regions" || within === "jettison_tests") return "jettison's own table";
  return undefined;
}

/** A call, a jump or a conditional jump: the byte before its operand is the opcode. */
function isBranch(object: ElfObject, holder: Section, offset: number, at: number): boolean {
  const type = object.view.getUint32(at + 8, true);
  if (!(holder.flags & sectionFlag.execute) || offset < 2) return false;
  if (type !== relocationType.pc32 && type !== relocationType.plt32) return false;
  const opcode = object.bytes[holder.offset + offset - 1]!;
  return (
    opcode === 0xe8 ||
    opcode === 0xe9 ||
    (opcode >> 4 === 8 && object.bytes[holder.offset + offset - 2] === 0x0f)
  );
}

/** Functions and objects by section, sorted by where they start. */
function collectExtents(object: ElfObject): ReadonlyMap<number, readonly Extent[]> {
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
  for (const extents of bySection.values()) extents.sort((a, b) => a.start - b.start);
  return bySection;
}

interface Site {
  /** Where the replacement starts in its section. */
  readonly start: number;
  /** Section of the instruction that it replaces. */
  readonly section: number;
}

/** From `.altinstructions`: which section each piece of replacement code is copied into. */
function collectPatchedSites(object: ElfObject): ReadonlyMap<number, readonly Site[]> {
  const bySection = new Map<number, Site[]>();
  for (const rela of object.sections) {
    if (rela.type !== sectionType.rela || object.sections[rela.info]?.name !== ".altinstructions") continue;
    const count = countRelocations(object, rela);
    const sectionAt = (entry: number) =>
      object.symbols.sectionIndex[object.view.getUint32(rela.offset + entry * relaSize + 12, true)]!;
    for (let entry = 0; entry + 1 < count; entry += 2) {
      const at = rela.offset + (entry + 1) * relaSize;
      const symbol = object.view.getUint32(at + 12, true);
      const start = object.symbols.value[symbol]! + Number(object.view.getBigInt64(at + 16, true));
      const sites = bySection.get(sectionAt(entry + 1)) ?? [];
      bySection.set(sectionAt(entry + 1), sites);
      sites.push({ start, section: sectionAt(entry) });
    }
  }
  for (const sites of bySection.values()) sites.sort((a, b) => a.start - b.start);
  return bySection;
}

/** The last element that starts at or before an offset. */
function findLast<T extends { readonly start: number }>(sorted: readonly T[], offset: number): T | undefined {
  let low = -1;
  let high = sorted.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.start <= offset) low = middle;
    else high = middle;
  }
  return sorted[low];
}

function describePlace(holder: Section, offset: number, extents: readonly Extent[] = []): string {
  const around = findLast(extents, offset);
  const name = around !== undefined && offset < around.end ? ` (${around.name})` : "";
  return `${holder.name}+0x${offset.toString(16)}${name}`;
}

function checkPlaces(object: ElfObject, regions: readonly VerifiedRegion[]): string[] {
  return regions.flatMap(({ section: name }) => {
    const section = object.sections.find((one) => one.name === name);
    if (section === undefined) return [`${name} is missing`];
    const isWhole = section.size > 0 && section.size % 4096 === 0 && section.align === 4096;
    return isWhole ? [] : [`${name} is not made of whole pages`];
  });
}
