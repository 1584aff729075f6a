// SPDX-License-Identifier: Apache-2.0
/**
 * Builds in miniature: programs in the shape of a kernel build, as far as `jettison-ld` looks at it. A program is its files by
 * name, C and assembly in the order of the link; those of test/cases are read from there.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { findToolchain } from "../../src/kernel/compiler.js";
import type { Plan } from "../../src/plan/plan.js";
import { projectRoot } from "../../src/root.js";
import { command, kernelFlags, sectionFlags, temporaryFolder, writeFiles } from "./compile.js";

export type Files = Readonly<Record<string, string>>;

export const linker = join(projectRoot, "bin/jettison-ld");

const linkage = `
#define SYM_TYPED_FUNC_START(name) .globl name; .balign 16; name:
#define SYM_FUNC_END(name) .type name, @function; .size name, . - name
#define SYM_DATA_START(name) .globl name; name:
#define SYM_DATA_END(name) .type name, @object; .size name, . - name
`;
const asm = "-Iinclude -c -o kernel/jettison/tables.o kernel/jettison/tables.S";

/** Writes the files and compiles what of them is C or assembly, in their order; gives the objects. LLVM chooses clang. */
export function compileSources(
  folder: string,
  files: Readonly<Record<string, string>>,
  flags: readonly string[],
): string[] {
  const { compiler } = findToolchain();
  writeFiles(folder, {
    ...files,
    "include/linux/cfi_types.h": "",
    "include/linux/linkage.h": linkage,
    "kernel/jettison/.tables.o.cmd": `savedcmd_kernel/jettison/tables.o := ${compiler} ${asm}\n`,
  });
  const sources = Object.keys(files).filter((one) => /\.[cS]$/.test(one));
  return sources.map((name) => {
    const object = name.replace(/\.[cS]$/, ".o");
    command(folder, compiler, ...flags, "-Iinclude", "-I.", "-c", "-o", object, name);
    return object;
  });
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

/** The part of the kernel side that programs cannot do without. `gone()` shuts every gate. */
export const runtime: Readonly<Record<string, string>> = {
  "kernel/jettison/tables.S": ".text",
  "runtime.h": "void gone(void); unsigned long calls_of_gates(void);",
  "runtime.c": `
    extern unsigned char jettison_region_shut[];
    extern unsigned long jettison_gate_calls[];
    extern unsigned int jettison_nr_gates, jettison_nr_regions;
    struct gate { const char *name; void *entry; long answer; unsigned region, flags; };
    extern const struct gate jettison_gates[];
    unsigned long jettison_shut_gate(const struct gate *gate)
    {
      jettison_gate_calls[gate - jettison_gates]++;
      return gate->answer;
    }
    void gone(void) { for (unsigned i = 0; i < jettison_nr_regions; i++) jettison_region_shut[i] = 1; }
    unsigned long calls_of_gates(void)
    {
      unsigned long calls = 0;
      for (unsigned i = 0; i < jettison_nr_gates; i++) calls += jettison_gate_calls[i];
      return calls;
    }`,
};

export interface MiniatureOptions {
  /** Flags that say where the code runs: in a program, or `kernelFlags`. */
  readonly code?: readonly string[];
  /** A section for each function and object, where nothing else is said. */
  readonly sections?: readonly string[];
  readonly flags?: readonly string[];
  readonly folder?: string;
}

export const programFlags = ["-O2", "-fno-pie", "-fno-asynchronous-unwind-tables", "-fno-inline"];
const headers = `-I${join(projectRoot, "runtime/linux/include")}`;

/** Compiles C and assembly up to the archive that goes into `vmlinux.o`; gives the folder. */
export function buildMiniature(
  files: Files,
  {
    code = programFlags,
    sections = sectionFlags,
    flags = ["-DCONFIG_JETTISON"],
    folder = temporaryFolder(),
  }: MiniatureOptions = {},
): string {
  const objects = compileSources(folder, files, [...code, ...sections, ...flags, headers]);
  command(folder, "ar", "cDPrST", "vmlinux.a", ...objects);
  return folder;
}

/** The `ld -r` step of `vmlinux.o`. */
export const linkMiniature = (folder: string, manifests = "components.yaml") =>
  runLinker(folder, objectArguments, manifests);

/** The final link, with the script of the kernel's. */
export const kernelArguments = [
  ...["-m", "elf_x86_64", "-z", "noexecstack", "-T", "vmlinux.lds", "-o", "vmlinux"],
  ...["--whole-archive", "vmlinux.o", "--no-whole-archive"],
];

/** The folders of test/cases. */
export const listCases = () => readdirSync(cases).sort();

const cases = join(projectRoot, "test/cases");

/** How a case is built: its sources in the order of the link, and whether the result is a program that runs. */
export interface Case {
  readonly files: Files;
  readonly isProgram: boolean;
}

export function readCase(name: string): Case {
  const folder = join(cases, name);
  const { sources, program = false } = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as {
    sources: readonly string[];
    program?: boolean;
  };
  const others = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((file) => !sources.includes(file) && !/^(case|expected)\.json$/.test(file))
    .sort();
  const files = [...sources, ...others].map((file) => [file, readFileSync(join(folder, file), "utf8")]);
  return { files: Object.fromEntries(files) as Files, isProgram: program };
}

/** The same, built up to the archive. */
export const buildCase = (name: string, changes: Files = {}, options?: MiniatureOptions) =>
  buildMiniature({ ...readCase(name).files, ...changes }, options);

/**
 * A kernel in miniature, test/cases/kernel with changes, built and linked: a component with a helper of its own, a gate, data,
 * strings, init code, padding, and a component that is refused.
 */
export function buildMiniKernel(
  changes: Files = {},
  flags: readonly string[] = [],
  folder = temporaryFolder(),
): string {
  buildCase("kernel", changes, { code: kernelFlags, flags: ["-fno-inline", ...flags], folder });
  for (const args of [objectArguments, kernelArguments]) {
    const { status, stderr } = runLinker(folder, args);
    if (status !== 0) throw new Error(stderr);
  }
  return folder;
}

/** One for all tests of a file, which only read it. */
export function useMiniKernel(changes: Files = {}, flags: readonly string[] = []): () => string {
  let folder = "";
  beforeAll(() => {
    folder = buildMiniKernel(changes, flags, mkdtempSync(join(tmpdir(), "jettison-test-")));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return () => folder;
}

export const planOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, ".jettison/plan.json"), "utf8")) as Plan;

export const jettison = (folder: string, ...args: string[]) =>
  spawnSync(join(projectRoot, "bin/jettison"), args, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 28 });

export const sectionsOf = (folder: string, object: string) =>
  [...command(folder, "readelf", "-SW", object).matchAll(/^ *\[ *\d+\] (\S+) /gm)].map(([, name]) => name!);
