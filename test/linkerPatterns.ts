// SPDX-License-Identifier: Apache-2.0
/** Names of sections that a kernel's linker script and headers know, read from its source. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { command, writeFiles } from "./compile.js";

const script = "arch/x86/kernel/vmlinux.lds.S";
const headers = ["include/asm-generic/vmlinux.lds.h", "include/asm-generic/codetag.lds.h"];

/** Headers of the script that give it numbers only. */
const stubs = ["asm-offsets", "thread_info", "page_types", "orc_lookup", "cache", "boot", "kexec"];

/** Options that take something away from the script, or make it one of 32 bits. */
const leftOut = new Set(["CONFIG_X86_32", "CONFIG_HAVE_DYNAMIC_FTRACE_NO_PATCHABLE"]);

/**
 * The patterns of input sections in the linker script of a kernel's source: the C preprocessor's own output, with
 * every option on, and with all of them off.
 */
export function readLinkerPatterns(source: string, folder: string): string[] {
  const files = [script, ...headers].flatMap((file) => {
    try {
      return [readFileSync(join(source, file), "latin1")];
    } catch {
      return []; // 6.1 has no codetag.lds.h
    }
  });
  const options = new Set(files.flatMap((text) => text.match(/\bCONFIG_\w+/g) ?? []));
  for (const option of leftOut) options.delete(option);
  writeFiles(folder, {
    ...Object.fromEntries(stubs.map((name) => [`stubs/asm/${name}.h`, ""])),
    "stubs/asm/vvar.h": readFileSync(join(source, "arch/x86/include/asm/vvar.h"), "latin1"),
    "stubs/generated/autoconf.h": "",
  });
  const include = ["-I", join(folder, "stubs"), "-I", join(source, "include")];
  const preprocess = (defines: string[]) =>
    command(
      folder,
      "gcc",
      ...["-E", "-P", "-undef", "-x", "assembler-with-cpp", "-D__ASSEMBLY__", "-DLINKER_SCRIPT", ...defines],
      ...[...include, "-include", join(source, "include/linux/kconfig.h"), join(source, script)],
    );
  const scripts = [
    preprocess([...options].map((option) => `-D${option}=1`)),
    preprocess(["-DCONFIG_X86_64=1"]),
  ];
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

/** Names that `__section("...")` and `.pushsection` give in the headers below a folder. */
export function readSectionAttributes(folder: string): string[] {
  const names = new Set<string>();
  for (const file of listHeaders(folder)) {
    const text = readFileSync(file, "latin1");
    for (const [, name] of text.matchAll(/__section(?:__)?\(\s*"([^"]+)"\s*\)/g)) names.add(name!);
    for (const [, name] of text.matchAll(/\.(?:push)?section\s+\\?"?([._]\w[\w.]*)[\s,"\\]/g))
      names.add(name!);
  }
  return [...names].sort();
}

function listHeaders(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return listHeaders(path);
    return name.endsWith(".h") ? [path] : [];
  });
}
