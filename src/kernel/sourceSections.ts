// SPDX-License-Identifier: Apache-2.0
/**
 * Names of sections that a kernel source can put into a kernel: those that its linker script collects, those that code
 * and assembly choose, and those that objtool adds. `jettison doctor --source` compares them with the catalogue before
 * anything is built.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findRow } from "../2-catalogue/sections.js";
import { fail } from "../diagnostics.js";
import { run } from "../process.js";
import { withScratchFolder } from "../scratch.js";

export interface NamedSection {
  /** A name; of a linker's pattern, a name that it matches. */
  readonly name: string;
  /** The file that names it first, from the top of the source. */
  readonly file: string;
}

const script = "arch/x86/kernel/vmlinux.lds.S";
const kconfig = "include/linux/kconfig.h";
const scriptHeaders = ["include/asm-generic/vmlinux.lds.h", "include/asm-generic/codetag.lds.h"];

/** Headers of the script that define only numbers. */
const stubs = ["asm-offsets", "thread_info", "page_types", "orc_lookup", "cache", "boot", "kexec"];

/** Options that remove something from the script, or make it one of 32 bits. */
const leftOut = new Set(["CONFIG_X86_32", "CONFIG_HAVE_DYNAMIC_FTRACE_NO_PATCHABLE"]);

const readIfAny = (file: string): string => {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return ""; // 6.1 has no codetag.lds.h
  }
};

/**
 * The patterns of input sections in the linker script of a kernel's source: the C preprocessor's own output, with
 * every option on, and with all of them off.
 */
export async function readLinkerPatterns(source: string): Promise<readonly string[]> {
  const texts = [script, ...scriptHeaders].map((file) => readIfAny(join(source, file)));
  const options = new Set(texts.flatMap((text) => text.match(/\bCONFIG_\w+/g) ?? []));
  for (const option of leftOut) options.delete(option);
  const scripts = await withScratchFolder(tmpdir(), async (folder) => {
    for (const name of ["stubs/generated/autoconf.h", ...stubs.map((stub) => `stubs/asm/${stub}.h`)]) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), "");
    }
    writeFileSync(
      join(folder, "stubs/asm/vvar.h"),
      readIfAny(join(source, "arch/x86/include/asm/vvar.h")), // 6.15 removed it
    );
    const preprocess = async (defines: readonly string[]) => {
      const { stdout } = await run([
        ...["gcc", "-E", "-P", "-undef", "-x", "assembler-with-cpp", "-D__ASSEMBLY__", "-D__ASSEMBLER__"],
        ...["-DLINKER_SCRIPT", ...defines, "-I", join(folder, "stubs"), "-I", join(source, "include")],
        ...["-include", join(source, kconfig), join(source, script)],
      ]);
      return stdout;
    };
    return [
      await preprocess([...options].map((option) => `-D${option}=1`)),
      await preprocess(["-DCONFIG_X86_64=1"]),
    ];
  });
  const patterns = scripts.flatMap((text) =>
    [...text.matchAll(/\*\(((?:[^()]|\([^()]*\))*)\)/g)].flatMap(([, inputs]) =>
      inputs!
        .replace(/\b(SORT\w*|KEEP)\b|[()]/g, " ")
        .split(/\s+/)
        .filter((name) => /^[._a-zA-Z]/.test(name)),
    ),
  );
  return [...new Set(patterns)].sort();
}

/** A name that a linker's pattern matches. */
export const exampleOf = (pattern: string) =>
  pattern.replace(/\[[^\]]*\]\*?/g, "name").replaceAll("*", "name");

/** Folders whose code becomes a part of any x86-64 kernel, or of vmlinux.o after it was linked. */
const folders = ["include", "arch/x86", "init", "kernel", "lib", "mm", "tools/objtool"];

/** Code of other programs and images, and of other processors. */
const notKernel =
  /^arch\/x86\/(boot|um|purgatory|realmode|tools|entry\/vdso)\/|^tools\/objtool\/arch\/(?!x86)/;

/** Sections that only modules have. */
const ofModules = new Set(["___srcu_struct_ptrs"]);

const naming = [
  /section(?:__)?\s*\(\s*"([^"]+)"\s*\)/g, // __section("x"), __attribute__((__section__("x")))
  /__section\(\s*"([^"]+)"/g, // the start of a name that a macro completes
  /\.(?:push)?section\s+\\?"?([._]\w[\w.]*)[\s,"\\]/g,
  /elf_create_section\w*\(\s*\w[^,]*,\s*"([^"]+)"/g,
];

/** The sections that code, assembly and objtool name, and where. */
export function readNamedSections(source: string): readonly NamedSection[] {
  const found = new Map<string, string>();
  for (const file of folders.flatMap((folder) => listCode(source, folder))) {
    const text = readFileSync(join(source, file), "latin1");
    if (!text.includes("section")) continue;
    for (const pattern of naming)
      for (const [, name] of text.matchAll(pattern))
        if (name!.length > 2 && !found.has(name!)) found.set(name!, file);
  }
  return [...found].map(([name, file]) => ({ name, file }));
}

function listCode(source: string, folder: string): string[] {
  return readdirSync(join(source, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return notKernel.test(`${path}/`) ? [] : listCode(source, path);
      return /\.[chS]$/.test(path) ? [path] : [];
    });
}

/** A part of a tree, such as a package of headers, has a Makefile too. */
function checkTree(source: string): void {
  const stat = (path: string) => statSync(join(source, path), { throwIfNoEntry: false });
  const missing =
    [script, kconfig].find((file) => !stat(file)?.isFile()) ??
    folders.find((folder) => !stat(folder)?.isDirectory());
  if (missing !== undefined)
    fail("source-not-kernel", {
      folder: source,
      what: `it lacks ${missing}, which defines names of sections`,
    });
}

export interface SourceSections {
  /** Names read. */
  readonly count: number;
  /** The catalogue has no row for them. */
  readonly unknown: readonly NamedSection[];
}

export async function compareSections(source: string): Promise<SourceSections> {
  checkTree(source);
  const patterns = (await readLinkerPatterns(source)).map((one) => ({ name: exampleOf(one), file: script }));
  const byName = new Map([...readNamedSections(source), ...patterns].map((one) => [one.name, one]));
  const names = [...byName.values()]
    .filter(({ name }) => !ofModules.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { count: names.length, unknown: names.filter(({ name }) => findRow(name) === undefined) };
}
