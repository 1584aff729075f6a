// SPDX-License-Identifier: Apache-2.0
/**
 * The modules that a kernel has built in, and the objects each was made of.
 *
 * A source file that could have been a module leaves `<name>.file=<path>` in `.modinfo`: kbuild makes `modules.builtin` from
 * these entries, but only after `vmlinux.o`. The other objects of such a module name it in the command that compiled them
 * (`-DKBUILD_MODFILE`), which kbuild keeps beside each. An object that serves two modules has both paths there. An
 * object of no module has its own path there, so only paths that some `.modinfo` names count.
 */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ElfObject } from "../elf/object.js";

export interface BuiltinModule {
  /** Its path without a suffix: `drivers/net/ethernet/intel/e1000e/e1000e`. */
  readonly path: string;
  /** Numbers of its objects, in the order of the link. Some may be another module's too. */
  readonly objects: readonly number[];
}

/** In the order of their paths. `modfiles` gives the paths that an object was compiled for. */
export function findModules(
  objects: readonly ElfObject[],
  modfiles: (file: string) => readonly string[],
): readonly BuiltinModule[] {
  const paths = new Set(objects.flatMap(namedPaths));
  const objectsByPath = new Map<string, number[]>([...paths].sort().map((path) => [path, []]));
  objects.forEach(({ file }, object) => {
    for (const path of modfiles(file)) objectsByPath.get(path)?.push(object);
  });
  return [...objectsByPath]
    .filter(([, some]) => some.length > 0)
    .map(([path, some]) => ({ path, objects: some }));
}

/** The symbol that `MODULE_LICENSE()` adds to an object that is built in. */
function namedPaths({ sections, bytes }: ElfObject): string[] {
  return sections
    .filter(({ name }) => name === ".modinfo")
    .flatMap(({ offset, size }) => bytes.toString("latin1", offset, offset + size).split("\0"))
    .flatMap((text) => /^[^.=]+\.file=(.+)$/.exec(text)?.[1] ?? []);
}

/** The module paths for which an object was compiled, according to its `.cmd`; none without that file. */
export function readModfiles(build: string, file: string): readonly string[] {
  const member = file.replace(/^.*\((.*)\)$/, "$1");
  let command: string;
  try {
    command = readFileSync(join(build, dirname(member), `.${basename(member)}.cmd`), "latin1");
  } catch {
    return [];
  }
  return /-DKBUILD_MODFILE='"([^"]*)"'/.exec(command)?.[1]?.split(" ") ?? [];
}

/** `drivers/net/ethernet/intel/e1000e/e1000e` is called `e1000e`, as `KBUILD_MODNAME` has it. */
export const moduleName = ({ path }: BuiltinModule) => basename(path).replaceAll("-", "_");
