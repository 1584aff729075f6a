// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the modules built with a kernel, and their imports. `modules.order` names them all. The imports of a module
 * are the undefined symbols of its object (`x.ko`, or `x.o` before modpost), or of the objects that
 * `x.mod` lists if it was not linked. `Module.symvers` shows which of two namesakes is the kernel's own.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { JettisonError } from "../diagnostics.js";
import { specialIndex, symbolBinding } from "../elf/format.js";
import { loadObject } from "../elf/load.js";
import { symbolName, symbolsOf } from "../elf/object.js";
import type { Export } from "./exports.js";

export interface BuiltModules {
  /** Their paths without the suffix, in the order of `modules.order`. */
  readonly modules: readonly string[];
  /** Modules without a readable object, so that their imports are not known. */
  readonly unreadable: readonly string[];
  /** By symbol of the kernel: the modules that import it. */
  readonly importers: ReadonlyMap<string, readonly string[]>;
  /** By symbol: how it is exported, according to `Module.symvers` or `vmlinux.symvers`. */
  readonly kinds: ReadonlyMap<string, ExportKind>;
}

/** Only for the exports of a plan, fit for JSON. */
export interface Imports {
  /** How many modules were built. */
  readonly modules: number;
  readonly unreadable: readonly string[];
  /** By symbol. */
  readonly importers: Readonly<Record<string, readonly string[]>>;
}

/** undefined: no modules were built beside the kernel. */
export function readImports(build: string, exports: readonly Export[]): Imports | undefined {
  const { modules, unreadable, importers } = readModules(build);
  if (modules.length === 0) return undefined;
  const named = exports.map(({ symbol }) => [symbol, importers.get(symbol) ?? []]);
  return { modules: modules.length, unreadable, importers: Object.fromEntries(named) };
}

export interface ExportKind {
  /** `EXPORT_SYMBOL_GPL`. */
  readonly kind: string;
  readonly namespace?: string;
}

/** Symbols of the kernel that the modules of a build import. Without modules nothing is imported. */
export function readModules(build: string): BuiltModules {
  const modules = linesOf(join(build, "modules.order")).map((line) => line.replace(/\.(ko|o)$/, ""));
  const { kinds, elsewhere } = readSymvers(build);
  const importers = new Map<string, string[]>();
  const unreadable: string[] = [];
  for (const module of modules) {
    const imports = importsOf(build, module);
    if (imports === undefined) unreadable.push(module);
    for (const symbol of imports ?? []) {
      if (elsewhere.has(symbol)) continue;
      const known = importers.get(symbol);
      if (known === undefined) importers.set(symbol, [module]);
      else known.push(module);
    }
  }
  return { modules, unreadable, importers, kinds };
}

function linesOf(file: string): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function importsOf(build: string, module: string): ReadonlySet<string> | undefined {
  const linked = [`${module}.ko`, `${module}.o`].find((file) => existsSync(join(build, file)));
  const objects = linked === undefined ? linesOf(join(build, `${module}.mod`)) : [linked];
  if (objects.length === 0) return undefined;
  const defined = new Set<string>();
  const needed = new Set<string>();
  try {
    for (const name of objects) {
      const object = loadObject(name, join(build, name));
      const { symbols } = object;
      for (const symbol of symbolsOf(object)) {
        if (symbols.binding[symbol] === symbolBinding.local) continue;
        const isUndefined =
          symbols.isSpecial[symbol] === 0 && symbols.sectionIndex[symbol] === specialIndex.undefined;
        (isUndefined ? needed : defined).add(symbolName(object, symbol));
      }
    }
  } catch (error) {
    if (error instanceof JettisonError) return undefined;
    throw error;
  }
  for (const name of defined) needed.delete(name);
  return needed;
}

/** A line is `crc \t symbol \t module \t kind \t namespace` (scripts/mod/modpost.c, write_dump). */
function readSymvers(build: string) {
  const kinds = new Map<string, ExportKind>();
  const elsewhere = new Set<string>();
  const file = ["Module.symvers", "vmlinux.symvers"].find((one) => existsSync(join(build, one)));
  for (const line of file === undefined ? [] : linesOf(join(build, file))) {
    const [, symbol, provider, kind, namespace] = line.split("\t");
    if (symbol === undefined || kind === undefined) continue;
    if (provider !== "vmlinux") elsewhere.add(symbol);
    else kinds.set(symbol, { kind, ...(namespace ? { namespace } : {}) });
  }
  return { kinds, elsewhere };
}
