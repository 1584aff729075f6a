// SPDX-License-Identifier: Apache-2.0
/**
 * The objects of a link in the linker's order: every member of the whole archives, then those members of the
 * libraries that something needs.
 */
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { fail } from "../diagnostics.js";
import { specialIndex, symbolBinding, symbolType } from "../elf/format.js";
import { listObjects, loadObject } from "../elf/load.js";
import { type ElfObject, symbolName, symbolsOf } from "../elf/object.js";
import { type LinkArguments, parseLinkArguments } from "./arguments.js";

export interface LinkInputs {
  readonly objects: readonly ElfObject[];
  /** Files of the objects, in the build's folder; a member that lies in an archive has none of its own. */
  readonly paths: readonly (string | undefined)[];
  /** How many of the objects came from whole archives and plain objects; the others are library members. */
  readonly wholeCount: number;
}

interface Input {
  readonly object: ElfObject;
  readonly path: string | undefined;
}

/** `build`: the folder in which the linker runs, from which the names of files count. */
export function loadLinkInputs(build: string, link: LinkArguments): LinkInputs {
  const load = (positions: readonly number[]) =>
    positions.flatMap((index) => loadInput(build, link.argv[index]!));
  const whole = load(link.wholeInputs);
  const inputs = [...whole, ...selectMembers(whole, load(link.libraries))];
  return {
    objects: inputs.map(({ object }) => object),
    paths: inputs.map(({ path }) => path),
    wholeCount: whole.length,
  };
}

/** The inputs of the link that made `vmlinux.o` in the folder of a build. */
export function loadBuild(build: string): LinkInputs {
  if (!existsSync(join(build, "vmlinux.a")))
    fail("build-unusable", { folder: build, what: "it has no vmlinux.a" });
  const libraries = ["lib/lib.a", "arch/x86/lib/lib.a"].filter((file) => existsSync(join(build, file)));
  const argv = ["-r", "-o", "vmlinux.o", "--whole-archive", "vmlinux.a", "--no-whole-archive", ...libraries];
  return loadLinkInputs(build, parseLinkArguments(argv));
}

/** The version of Linux that a folder builds, by kbuild's own note; undefined: it has none. */
export function readBuildVersion(build: string): string | undefined {
  const release = join(build, "include/config/kernel.release");
  return existsSync(release) ? /^\d+\.\d+/.exec(readFileSync(release, "utf8"))?.[0] : undefined;
}

/** Whether the compiler gave functions sections of their own: some function f lies in `.text.f`. */
export function hasFunctionSections({ objects }: LinkInputs): boolean {
  return objects.some((object) => {
    const { symbols, sections } = object;
    for (const symbol of symbolsOf(object)) {
      if (symbols.type[symbol] !== symbolType.function || symbols.isSpecial[symbol]) continue;
      const { name } = sections[symbols.sectionIndex[symbol]!]!;
      if (name.startsWith(".text.") && name === `.text.${symbolName(object, symbol)}`) return true;
    }
    return false;
  });
}

/** Where a file of a build lies that its linker calls so. */
export const pathIn = (build: string, file: string) => (isAbsolute(file) ? file : join(build, file));

function loadInput(build: string, file: string): Input[] {
  const listed = listObjects(file, build);
  // The suffix decides which of its members are linked (src/8-link/arguments.ts).
  if (!file.endsWith(".a") && listed.some(({ name }) => name !== file))
    fail("elf-unsupported", { file, what: "it is an archive, but its name does not end in .a" });
  return listed.map(({ name, source }) => ({
    object: loadObject(name, source),
    path: pathIn(build, name) === source.path ? source.path : undefined,
  }));
}

/** A library member is linked when it defines what is still undefined; repeated until nothing changes. */
function selectMembers(whole: readonly Input[], members: readonly Input[]): Input[] {
  if (members.length === 0) return [];
  const defined = new Set<string>();
  const wanted = new Set<string>();
  const take = ({ object }: Input) => {
    for (const name of globalsOf(object, true)) defined.add(name);
    for (const name of globalsOf(object, false)) wanted.add(name);
  };
  whole.forEach(take);
  const selected = new Set<Input>();
  const definitions = new Map(members.map((member) => [member, globalsOf(member.object, true)]));
  for (let changed = true; changed; ) {
    changed = false;
    for (const member of members) {
      if (selected.has(member)) continue;
      if (!definitions.get(member)!.some((name) => wanted.has(name) && !defined.has(name))) continue;
      selected.add(member);
      take(member);
      changed = true;
    }
  }
  return members.filter((member) => selected.has(member));
}

/** Names of the global symbols that an object defines, or of those it needs (weak ones need nothing). */
function globalsOf(object: ElfObject, isDefined: boolean): string[] {
  const { symbols } = object;
  const names: string[] = [];
  for (const symbol of symbolsOf(object)) {
    if (symbols.binding[symbol] === symbolBinding.local) continue;
    const isUndefined =
      symbols.isSpecial[symbol] === 0 && symbols.sectionIndex[symbol] === specialIndex.undefined;
    if (isUndefined === isDefined) continue;
    if (isUndefined && symbols.binding[symbol] === symbolBinding.weak) continue;
    names.push(symbolName(object, symbol));
  }
  return names;
}
