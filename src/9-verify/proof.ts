// SPDX-License-Identifier: Apache-2.0
/**
 * Invariant 1: no reference from anything that may outlive a region leads into it, except through gates. The proof
 * shares only the ELF reader with the planner, and reads only `claims.json` of the plan.
 */

import { type ElfObject, symbolName, symbolsOf } from "../elf/object.js";
import { textFill } from "../x86/x86.js";
import { type Allowance, nameInSource, type VerifiedRegion } from "./claims.js";

export interface Violation {
  /** `.text+0x1c (caller)`: section, offset, and the function or object around it. */
  readonly from: string;
  readonly to: string;
}

export interface Verification {
  /** Items examined: relocations, instructions, words of data. */
  readonly looked: Readonly<Record<string, number>>;
  /** References into regions, by what makes them harmless. */
  readonly harmless: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
  /** Faults in the regions, the gates and the kernel's tables of them. */
  readonly misplaced: readonly string[];
}

/** How something refers to something: calls or jumps to it, reads or writes it, or may keep its address. */
export type How = "branch" | "access" | "other";

/** Where a reference comes from. */
export interface Place {
  /** The region that it lies in. */
  readonly region: VerifiedRegion | undefined;
  /** The section, or the table that the kernel's linker script made of one. */
  readonly table: string;
  /** The function or object around it; "" where there is none. */
  readonly around: string;
  /** Whether a table has the reference; the place is then that of the code which the table describes. */
  readonly isRow?: boolean;
  /** It stands somewhere else, in a table or a replacement, and is brought here when the kernel patches its code. */
  readonly isPatchedIn?: boolean;
}

/** The target of a reference. */
export interface Target {
  readonly region: VerifiedRegion;
  /** Whether what is there holds addresses of regions, which one who reads it may keep. */
  readonly holdsAddresses: () => boolean;
  /** Names of what is there and right beside it; "" is what has none. */
  readonly names: () => readonly string[];
}

/** Takes one of the references that `claims.json` allows; false: it allows none, or no more of them. */
export type TakeAllowance = (place: Place, target: Target) => boolean;

/** Each allowance is good for its count of references. `isIn`: whether a section of `vmlinux.o` lies in a table. */
export function openAllowances(
  allowances: readonly Allowance[],
  isIn: (section: string, table: string) => boolean,
): TakeAllowance {
  const byEnds = new Map<string, { readonly section: string; left: number }[]>();
  const keyOf = (from: string, region: string, to: string) => JSON.stringify([from, region, to]);
  for (const { section, from, region, to, count } of allowances) {
    const key = keyOf(from, region, to);
    byEnds.set(key, [...(byEnds.get(key) ?? []), { section, left: count }]);
  }
  return ({ table, around }, { region, names }) => {
    if (allowances.length === 0) return false;
    for (const name of names())
      for (const one of byEnds.get(keyOf(around, region.name, name)) ?? [])
        if (one.left > 0 && isIn(one.section, table)) {
          one.left--;
          return true;
        }
    return false;
  };
}

/** The kernel's own table of symbols: distances to all of them (7.3), by which names are looked up. */
export const nameTable = "kallsyms_offsets";

/** Sections and tables that describe code and are never called through. */
const describing = new Set([
  nameTable,
  ...["__bug_table", "__ex_table", "__jump_table", "__mcount_loc", "__patchable_function_entries"],
  ...[".orc_unwind_ip", ".altinstructions", ".smp_locks", ".parainstructions", ".static_call_sites"],
  ...[".retpoline_sites", ".return_sites", ".call_sites", ".ibt_endbr_seal", ".cfi_sites", ".kcfi_traps"],
  ...["__kcfi_traps", "_kprobe_blacklist", "_error_injection_whitelist"],
]);

/** Those of them by which the kernel changes code. */
const patching = new Set([
  ...["__jump_table", "__mcount_loc", "__patchable_function_entries", ".altinstructions", ".smp_locks"],
  ...[".parainstructions", ".static_call_sites", ".retpoline_sites", ".return_sites", ".call_sites"],
]);

const describes = (table: string) => describing.has(table) || /^runtime_(shift|ptr|mask)_/.test(table);

/** In `vmlinux.o`: the linker script leaves them out. A section that is in the image all the same is examined. */
export const isLeftOut = (table: string) =>
  /^\.discard(\.|$)/.test(table) || table === ".export_symbol" || table === ".exitcall.exit";

/** By its name; in an image it has to lie in init memory too. */
export const isInit = (table: string) =>
  /^\.(init|exit)\.|^\.altinstr_aux$|^\.initcall|^\.con_initcall/.test(table);

const gateSymbol = /^jettison_gate_\w+$/;
const ownTables = new Set(["jettison_regions", "jettison_tests"]);

/** Why a reference into a region does no harm; undefined: it does. */
export function reasonOf(
  place: Place,
  how: How,
  target: Target,
  takeAllowance: TakeAllowance,
): string | undefined {
  const { region, table, around, isRow, isPatchedIn } = place;
  if (target.region.kind === "padding") return describes(table) ? "describes" : undefined;
  if (region === target.region) return "inside the region";
  if (region?.owners.every((owner) => target.region.owners.includes(owner)))
    return "from a region that leaves first";
  if (table === nameTable) return "describes";
  const isText = target.region.kind === "text";
  // A describing table may name data that is read when its code runs.
  if (isLeftOut(table) || (isText ? describes(table) : isRow && isInit(table))) return "describes";
  if (isInit(table)) {
    if (how === "branch") return "called while booting";
    if (how === "access" && !isText && !target.holdsAddresses()) return "used while booting";
    if (takeAllowance(place, target)) return "stored only when in use";
  }
  if (target.region.readers?.includes(nameInSource(around))) return "asks whether the table is there";
  if (ownTables.has(around)) return "jettison's own table";
  if (isGate(around) && !isPatchedIn && how === "branch" && /^\.text(\.unlikely)?$/.test(table))
    return "gate";
  return undefined;
}

/**
 * Why a reference to a gate does no harm, `behind` bytes after its start, where its flag is tested; undefined: it does,
 * as it passes by the test, or has the kernel change it. `gate`: what it is called.
 */
export function reasonAtGate(
  { table, around, isPatchedIn }: Place,
  how: How,
  gate: string,
  behind: number,
): string | undefined {
  if (patching.has(table)) return undefined;
  if (isLeftOut(table)) return "describes";
  if (how === "branch" && callsNothing.has(table)) return undefined;
  if (behind === 0) return "gate";
  return (around === gate && !isPatchedIn) || describes(table) ? "inside the gate" : undefined;
}

/** A reference that counts for several places is harmless if it is at each; gives the reason of the first. */
export function reasonOfAll(reasons: readonly (string | undefined)[]): string | undefined {
  return reasons.includes(undefined) ? undefined : reasons[0];
}

/** The name of each table of the kernel's own belongs to one symbol; a second one could pass for it. */
export function checkOwnTables(object: ElfObject): string[] {
  const { symbols, file } = object;
  const counts = new Map<string, number>();
  for (const symbol of symbolsOf(object)) {
    if (symbols.isSpecial[symbol] || symbols.sectionIndex[symbol] === 0) continue;
    const name = symbolName(object, symbol);
    if (ownTables.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([name, count]) => `${file} has ${count} symbols ${name}`);
}

/** Where not even a gate may be called: nothing else may run there, or calls go by other rules. */
export const callsNothing = new Set([".noinstr.text", ".entry.text", ".cpuidle.text", ".head.text"]);

export const isGate = (name: string) => gateSymbol.test(name);

/**
 * Tables whose entries begin with the place of an instruction and go on with places that it jumps to: those are
 * references of the instruction, not of the table. Sizes and offsets are bytes.
 */
export const jumpingTables: ReadonlyMap<string, { readonly entry: number; readonly target: number }> =
  new Map([
    // struct exception_table_entry: insn, fixup, data
    ["__ex_table", { entry: 12, target: 4 }],
    // struct jump_entry: code, target, key
    ["__jump_table", { entry: 16, target: 4 }],
  ]);

/** Sizes and offsets are bytes; `data`: where the fields are that count to data. */
export interface RowLayout {
  readonly entry: number;
  readonly data: readonly number[];
  readonly width: 4 | 8;
}

/**
 * Tables whose entries begin with the place of an instruction and go on with data that is looked at when it runs or is
 * patched: those are references of the instruction too. A table has the first of its layouts that fits.
 */
export const rowTables: ReadonlyMap<string, readonly RowLayout[]> = new Map([
  [
    "__bug_table",
    [
      // struct bug_entry: bug_addr_disp, file_disp, line, flags
      { entry: 12, data: [4], width: 4 },
      // without CONFIG_DEBUG_BUGVERBOSE: bug_addr_disp, flags
      { entry: 8, data: [], width: 4 },
      // in 7.3: bug_addr_disp, format_disp, file_disp, line, flags
      { entry: 16, data: [4, 8], width: 4 },
    ],
  ],
  // struct jump_entry: code, target, key, of which the last two bits are flags, as those of the next two
  ["__jump_table", [{ entry: 16, data: [8], width: 8 }]],
  // struct static_call_site: addr, key
  [".static_call_sites", [{ entry: 8, data: [4], width: 4 }]],
  // struct static_call_tramp_key: tramp, key
  [".static_call_tramp_key", [{ entry: 8, data: [4], width: 4 }]],
]);

/**
 * Tables of places counted from the field that holds them, as the kernel's linker script bounds them: in a finished image
 * no relocation says so. Sizes and offsets are bytes.
 */
export const distanceTables: readonly {
  /** A section, or two symbols. */
  readonly bounds: string | readonly [string, string];
  readonly entry: number;
  readonly field: number;
}[] = [
  // struct kernel_symbol: value, name, namespace
  { bounds: "__ksymtab", entry: 4, field: 0 },
  { bounds: "__ksymtab_gpl", entry: 4, field: 0 },
  // struct pci_fixup: vendor, device, class, class_shift, hook
  { bounds: ".pci_fixup", entry: 16, field: 12 },
  { bounds: ["__start___tracepoints_ptrs", "__stop___tracepoints_ptrs"], entry: 4, field: 0 },
  { bounds: ["__initcall_start", "__initcall_end"], entry: 4, field: 0 },
  { bounds: ["__con_initcall_start", "__con_initcall_end"], entry: 4, field: 0 },
];

/** Bytes at each end of a region in which nothing lies, so that pointers just outside of others stay out of it. */
export const guardBytes = 16;

export const sectionOfRegion = ({ kind, name }: VerifiedRegion) => `.${kind}..jettison.${name}`;

export const isFilled = (bytes: Uint8Array) => bytes.every((byte) => byte === textFill);

/** The error in the bytes of a region. */
export function checkGuards(name: string, bytes: Uint8Array): string[] {
  return [
    ...(isFilled(bytes.subarray(0, guardBytes)) ? [] : [`${name} has no guard bytes at its start`]),
    ...(isFilled(bytes.subarray(-guardBytes)) ? [] : [`${name} has no guard bytes at its end`]),
  ];
}

/** Counts what is harmless and keeps what is not. */
export function openTally() {
  const harmless: Record<string, number> = {};
  const violations: Violation[] = [];
  return {
    harmless,
    violations,
    add(reason: string | undefined, violation: () => Violation): void {
      if (reason === undefined) violations.push(violation());
      else harmless[reason] = (harmless[reason] ?? 0) + 1;
    },
  };
}
