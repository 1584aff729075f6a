// SPDX-License-Identifier: Apache-2.0
/**
 * The linked kernel as it lies in memory, from `_text` to `_end`. Memory in no section is a gap due to alignment.
 */

import { findFill } from "../elf/fill.js";
import { sectionFlag, sectionType } from "../elf/format.js";
import type { ElfImage } from "../elf/image.js";
import type { Kind } from "../elf/kind.js";
import { loadImage } from "../elf/load.js";
import { type Section, symbolName, symbolsOf } from "../elf/object.js";
import { pageSize } from "../x86/x86.js";

/** The kernel's treatment of a section's pages; `init`: it frees them after boot. */
export type Memory = Kind | "init";

export interface ImageRange {
  /** Bytes from the image's start. */
  readonly offset: number;
  readonly bytes: number;
}

export interface ImageSection extends ImageRange {
  readonly name: string;
  readonly memory: Memory;
}

export interface PlanImage {
  /** Address of the first byte, `_text`, in hexadecimal. */
  readonly address: string;
  /** From `_text` to `_end`. */
  readonly bytes: number;
  /** In ascending order; none overlaps another. */
  readonly sections: readonly ImageSection[];
  /** Regions of the plan, whole pages. */
  readonly regions: readonly (ImageRange & { readonly name: string })[];
  /** Tables that the kernel's linker script lets leave, whole pages; absent: it has no places for them. */
  readonly tables?: readonly (ImageRange & { readonly name: string })[];
  /** The kernel's own symbol table, in `.rodata`; absent where it has none. */
  readonly kallsyms?: ImageRange;
  /** The gates, which lie in the text that stays. */
  readonly gates: readonly (ImageRange & { readonly symbol: string })[];
  /** The text that page-table isolation maps for user space, with its 2 MB. */
  readonly entryText?: ImageRange;
  /** Runs of one byte in text, data and bss, a page long or longer, that no symbol covers. */
  readonly padding: readonly ImageRange[];
  /** Those pages of it of which the kernel knows that they may leave. */
  readonly leavingPadding: readonly ImageRange[];
  /** Ranges that the kernel frees by itself while it boots, and the function that does; in ascending order. */
  readonly kernelFrees: readonly (ImageRange & { readonly by: string })[];
}

interface Symbol {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly section: number;
  readonly isCode: boolean;
}

/** undefined: no kernel, as it has no `_text` or no `_end`. */
export function readPlanImage(vmlinux: string): PlanImage | undefined {
  return describeImage(loadImage(vmlinux, vmlinux));
}

export function describeImage(image: ElfImage): PlanImage | undefined {
  const symbols = collectSymbols(image);
  const byName = new Map(symbols.map((symbol) => [symbol.name, symbol.address]));
  const addressOf = (name: string) => byName.get(name) ?? Number.NaN;
  const start = addressOf("_text");
  const bytes = addressOf("_end") - start;
  if (!(bytes > 0)) return undefined;

  // Per-CPU data is linked to 0, and loaded among the init sections.
  const offsetOf = (address: number) =>
    (address < 0 ? address : address + addressOf("__per_cpu_load")) - start;
  const lies = (offset: number, first: string, last: string) =>
    offset >= addressOf(first) - start && offset < addressOf(last) - start;
  const memoryOf = ({ flags, type }: Section, offset: number): Memory => {
    if (lies(offset, "__init_begin", "__init_end")) return "init";
    if (flags & sectionFlag.execute) return "text";
    // .rodata has the flag of data in a vmlinux, so its place decides.
    if (lies(offset, "__start_rodata", "__end_rodata")) return "rodata";
    if (lies(offset, "__jettison_rodata_start", "__jettison_rodata_end")) return "rodata";
    return type === sectionType.nobits ? "bss" : "data";
  };
  const placed = image.sections
    .map((section, index) => ({ section, index, offset: offsetOf(image.sectionAddress[index]!) }))
    .filter(({ section: { flags, size }, offset }) => {
      return flags & sectionFlag.alloc && size > 0 && offset >= 0 && offset + size <= bytes;
    })
    .sort((a, b) => a.offset - b.offset);
  const frees = (by: string, from: number, to: number) =>
    to > from ? [{ offset: from - start, bytes: to - from, by }] : [];
  const roundUp = (address: number) => Math.ceil(address / pageSize) * pageSize;
  const constantsEnd = addressOf("__jettison_rodata_end");
  const gap = Number.isNaN(constantsEnd) ? roundUp(addressOf("_etext")) : constantsEnd;
  const unshared = addressOf("__start_bss_decrypted_unused");
  const between = (what: "region" | "table") =>
    symbols
      .flatMap(({ name, address }) => {
        const one = new RegExp(`^__jettison_${what}_(\\w+)_start$`).exec(name)?.[1];
        if (one === undefined) return [];
        const size = addressOf(`__jettison_${what}_${one}_end`) - address;
        return [{ name: one, offset: offsetOf(address), bytes: size }];
      })
      .sort((a, b) => a.offset - b.offset);
  const tables = between("table");
  const kallsyms = findKallsyms(symbols);
  const entry = addressOf("__entry_text_start");
  const entryBytes = addressOf("__entry_text_end") - entry;
  return {
    address: `0x${BigInt.asUintN(64, BigInt(start)).toString(16)}`,
    bytes,
    sections: placed.map(({ section, offset }) => ({
      name: section.name,
      offset,
      bytes: section.size,
      memory: memoryOf(section, offset),
    })),
    regions: between("region"),
    ...(tables.length === 0 ? {} : { tables }),
    ...(kallsyms === undefined ? {} : { kallsyms: { ...kallsyms, offset: offsetOf(kallsyms.offset) } }),
    gates: symbols
      .filter(({ name, isCode }) => isCode && name.startsWith("jettison_gate_"))
      .map(({ name, address, size }) => ({ symbol: name, offset: offsetOf(address), bytes: size })),
    ...(entryBytes > 0 ? { entryText: { offset: offsetOf(entry), bytes: entryBytes } } : {}),
    leavingPadding: readLeavingPadding(image, symbols),
    // arch/x86/mm/init.c, arch/x86/mm/init_64.c, arch/x86/mm/mem_encrypt_amd.c
    kernelFrees: [
      ...frees("mark_rodata_ro", gap, addressOf("__start_rodata")),
      ...frees("mark_rodata_ro", roundUp(addressOf("__end_rodata")), addressOf("_sdata")),
      ...frees("free_initmem", addressOf("__init_begin"), addressOf("__init_end")),
      ...(byName.has("mem_encrypt_free_decrypted_mem")
        ? frees("mem_encrypt_free_decrypted_mem", unshared, addressOf("__end_bss_decrypted"))
        : []),
    ],
    padding: placed
      .filter(({ section, offset }) => ["text", "data", "bss"].includes(memoryOf(section, offset)))
      .flatMap(({ index, offset }) =>
        findFill(image, index, symbols, pageSize).map(({ start: from, end }) => ({
          offset: offset + from - image.sectionAddress[index]!,
          bytes: end - from,
        })),
      ),
  };
}

/** `jettison_padding`: page and number of pages, counted from `_text`. */
function readLeavingPadding({ sections, sectionAddress, view }: ElfImage, symbols: readonly Symbol[]) {
  const offsetOf = (name: string) => {
    const symbol = symbols.find((one) => one.name === name);
    if (symbol === undefined) return undefined;
    return sections[symbol.section]!.offset + symbol.address - sectionAddress[symbol.section]!;
  };
  const table = offsetOf("jettison_padding");
  const count = offsetOf("jettison_nr_padding");
  if (table === undefined || count === undefined) return [];
  return Array.from({ length: view.getUint32(count, true) }, (_, row) => ({
    offset: view.getUint32(table + row * 8, true) * pageSize,
    bytes: view.getUint32(table + row * 8 + 4, true) * pageSize,
  }));
}

/** Those that lie in a section of memory and have a name. */
function collectSymbols(image: ElfImage): Symbol[] {
  const { symbols, sections, symbolAddress } = image;
  const found: Symbol[] = [];
  for (const symbol of symbolsOf(image)) {
    const section = symbols.isSpecial[symbol] ? undefined : sections[symbols.sectionIndex[symbol]!];
    if (section === undefined || !(section.flags & sectionFlag.alloc) || symbols.nameOffset[symbol] === 0)
      continue;
    found.push({
      name: symbolName(image, symbol),
      address: symbolAddress[symbol]!,
      size: symbols.size[symbol]!,
      section: symbols.sectionIndex[symbol]!,
      isCode: (section.flags & sectionFlag.execute) !== 0,
    });
  }
  return found;
}

/** From the first of its tables to what follows the last; scripts/kallsyms.c writes them in one piece. */
function findKallsyms(symbols: readonly Symbol[]): ImageRange | undefined {
  const tables =
    /^kallsyms_(num_syms|names|markers|token_table|token_index|offsets|addresses|relative_base|seqs_of_names)$/;
  const starts = symbols.filter(({ name }) => tables.test(name)).map(({ address }) => address);
  if (starts.length === 0) return undefined;
  const [first, last] = [Math.min(...starts), Math.max(...starts)];
  let end = Number.POSITIVE_INFINITY;
  for (const { address } of symbols) if (address > last && address < end) end = address;
  return Number.isFinite(end) ? { offset: first, bytes: end - first } : undefined;
}
