// SPDX-License-Identifier: Apache-2.0
/** A kernel build in miniature: what `jettison-ld` needs to see, and a program that can really be run. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../src/plan/plan.js";
import { projectRoot } from "../src/root.js";
import { command, sectionFlags, temporaryFolder, writeFiles } from "./compile.js";

const linkage = `
#define SYM_FUNC_START(name) .globl name; .balign 16; name:
#define SYM_FUNC_END(name) .type name, @function; .size name, . - name
#define SYM_DATA_START(name) .globl name; name:
#define SYM_DATA_END(name) .type name, @object; .size name, . - name
`;

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

export const miniatureFlags = ["-O2", "-fno-pie", "-fno-asynchronous-unwind-tables", "-fno-inline"];
const headers = `-I${join(projectRoot, "runtime/linux/include")}`;

/** Compiles C and assembly up to the archive that goes into `vmlinux.o`; gives the folder. */
export function buildMiniature(
  files: Readonly<Record<string, string>>,
  flags: readonly string[] = ["-DCONFIG_JETTISON"],
): string {
  const folder = temporaryFolder();
  const asm = "gcc -Iinclude -c -o kernel/jettison/tables.o kernel/jettison/tables.S";
  writeFiles(folder, {
    ...files,
    "include/linux/linkage.h": linkage,
    "kernel/jettison/.tables.o.cmd": `savedcmd_kernel/jettison/tables.o := ${asm}\n`,
  });
  const objects = Object.keys(files)
    .filter((name) => /\.[cS]$/.test(name))
    .map((name) => {
      const object = name.replace(/\.[cS]$/, ".o");
      command(
        folder,
        "gcc",
        ...miniatureFlags,
        ...sectionFlags,
        ...flags,
        headers,
        "-I.",
        "-c",
        "-o",
        object,
        name,
      );
      return object;
    });
  command(folder, "ar", "cDPrST", "vmlinux.a", ...objects);
  return folder;
}

/** The `ld -r` step of `vmlinux.o`. */
export function linkMiniature(folder: string, manifests = "components.yaml") {
  const whole = ["--whole-archive", "vmlinux.a", "--no-whole-archive"];
  return spawnSync(
    join(projectRoot, "bin/jettison-ld"),
    ["-z", "noexecstack", "-r", "-o", "vmlinux.o", ...whole],
    {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, JETTISON_COMPONENTS: manifests },
    },
  );
}

export const planOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, ".jettison/plan.json"), "utf8")) as Plan;

export const jettison = (folder: string, ...args: string[]) =>
  spawnSync(join(projectRoot, "bin/jettison"), args, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 28 });

export const sectionsOf = (folder: string, object: string) =>
  [...command(folder, "readelf", "-SW", object).matchAll(/^ *\[ *\d+\] (\S+) /gm)].map(([, name]) => name!);
