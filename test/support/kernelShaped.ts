// SPDX-License-Identifier: Apache-2.0
/** A program in the shape of a kernel build, as far as our linker looks at it: objects, an archive, `vmlinux.o`. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../../src/root.js";
import { command, writeFiles } from "./compile.js";

export const linker = join(projectRoot, "bin/jettison-ld");

const linkage = `
#define SYM_FUNC_START(name) .globl name; .balign 16; name:
#define SYM_FUNC_END(name) .type name, @function; .size name, . - name
#define SYM_DATA_START(name) .globl name; name:
#define SYM_DATA_END(name) .type name, @object; .size name, . - name
`;
const asm = "gcc -Iinclude -c -o kernel/jettison/tables.o kernel/jettison/tables.S";

/** Writes the files and compiles what of them is C or assembly, in their order; gives the objects. */
export function compileSources(
  folder: string,
  files: Readonly<Record<string, string>>,
  flags: readonly string[],
): string[] {
  writeFiles(folder, {
    ...files,
    "include/linux/linkage.h": linkage,
    "kernel/jettison/.tables.o.cmd": `savedcmd_kernel/jettison/tables.o := ${asm}\n`,
  });
  const sources = Object.keys(files).filter((one) => /\.[cS]$/.test(one));
  return sources.map((name) => {
    const object = name.replace(/\.[cS]$/, ".o");
    command(folder, "gcc", ...flags, "-Iinclude", "-I.", "-c", "-o", object, name);
    return object;
  });
}

/** The same, up to the archive that goes into `vmlinux.o`. */
export function compileArchive(
  folder: string,
  files: Readonly<Record<string, string>>,
  flags: readonly string[],
): void {
  command(folder, "ar", "cDPrST", "vmlinux.a", ...compileSources(folder, files, flags));
}

/** The arguments with which kbuild makes `vmlinux.o`. */
export const objectArguments = [
  ...["-m", "elf_x86_64", "-z", "noexecstack", "-r", "-o", "vmlinux.o"],
  ...["--whole-archive", "vmlinux.a", "--no-whole-archive"],
];

/** Runs Jettison's linker, to make `vmlinux.o` where nothing else is said. */
export const runLinker = (
  folder: string,
  args: readonly string[] = objectArguments,
  components = "components.yaml",
) =>
  spawnSync(linker, args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, JETTISON_COMPONENTS: components },
  });
