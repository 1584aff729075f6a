// SPDX-License-Identifier: Apache-2.0
/** A kernel build in miniature: what `jettison-ld` needs to see, and a program that can really be run. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../src/plan/plan.js";
import { projectRoot } from "../../src/root.js";
import { command, sectionFlags, temporaryFolder } from "./compile.js";
import { compileArchive, objectArguments, runLinker } from "./kernelShaped.js";

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
  compileArchive(folder, files, [...miniatureFlags, ...sectionFlags, ...flags, headers]);
  return folder;
}

/** The `ld -r` step of `vmlinux.o`. */
export const linkMiniature = (folder: string, manifests = "components.yaml") =>
  runLinker(folder, objectArguments, manifests);

export const planOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, ".jettison/plan.json"), "utf8")) as Plan;

export const jettison = (folder: string, ...args: string[]) =>
  spawnSync(join(projectRoot, "bin/jettison"), args, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 28 });

export const sectionsOf = (folder: string, object: string) =>
  [...command(folder, "readelf", "-SW", object).matchAll(/^ *\[ *\d+\] (\S+) /gm)].map(([, name]) => name!);
