// SPDX-License-Identifier: Apache-2.0
/** Fixtures are compiled by the real gcc, in a folder of their own that goes when the test ends. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { buildGraph, type Graph } from "../../src/1-graph/graph.js";
import { loadObject } from "../../src/elf/load.js";
import type { ElfObject } from "../../src/elf/object.js";

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

export function command(folder: string, file: string, ...args: string[]): string {
  return execFileSync(file, args, { cwd: folder, encoding: "latin1", maxBuffer: 1 << 28 });
}

/** As the kernel compiles, as far as it matters to references. */
export const kernelFlags = [
  "-O2",
  "-mcmodel=kernel",
  "-fno-pie",
  "-fno-asynchronous-unwind-tables",
  "-ffreestanding",
];
export const sectionFlags = ["-ffunction-sections", "-fdata-sections"];

/** Compiles C and assembly; `a.c` becomes `a.o` in a new folder. */
export function compileObjects(
  sources: Readonly<Record<string, string>>,
  flags: readonly string[] = sectionFlags,
) {
  const folder = temporaryFolder();
  writeFiles(folder, sources);
  const names = Object.keys(sources).map((name) => name.replace(/\.[cS]$/, ".o"));
  for (const name of Object.keys(sources))
    command(folder, "gcc", ...kernelFlags, ...flags, "-c", "-o", name.replace(/\.[cS]$/, ".o"), name);
  return { folder, names };
}

export function loadObjects(folder: string, names: readonly string[]): ElfObject[] {
  return names.map((name) => loadObject(name, join(folder, name)));
}

export function graphOf(
  sources: Readonly<Record<string, string>>,
  flags: readonly string[] = sectionFlags,
): Graph {
  const { folder, names } = compileObjects(sources, flags);
  return buildGraph(loadObjects(folder, names));
}
