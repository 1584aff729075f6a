// SPDX-License-Identifier: Apache-2.0
/**
 * The symbol table of the linked kernel, as tools read it that know nothing of Jettison: debuggers, profilers, and
 * kpatch, which finds an object in `vmlinux` by the run of local names behind its file's.
 */
import { beforeAll, expect, test } from "vitest";
import { roleOf } from "../../src/2-catalogue/sections.js";
import { loadBuild } from "../../src/8-link/inputs.js";
import { sectionFlag, symbolBinding, symbolType } from "../../src/elf/format.js";
import { loadImage } from "../../src/elf/load.js";
import { type ElfObject, symbolName } from "../../src/elf/object.js";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { demoKernel } from "../support/demoKernel.js";

let build: KernelBuild;
beforeAll(async () => {
  build = await demoKernel();
});

interface Run {
  readonly file: string;
  readonly names: Set<string>;
}

/** Names of local functions and objects in memory, behind the name of the file that they are from. */
function collectRuns(elf: ElfObject): Run[] {
  const runs: Run[] = [];
  const { symbols, sections } = elf;
  for (let symbol = 1; symbol < symbols.count; symbol++) {
    if (symbols.binding[symbol] !== symbolBinding.local) continue;
    if (symbols.type[symbol] === symbolType.file)
      runs.push({ file: symbolName(elf, symbol), names: new Set() });
    const isNamed =
      symbols.type[symbol] === symbolType.function || symbols.type[symbol] === symbolType.object;
    const section = symbols.isSpecial[symbol] ? undefined : sections[symbols.sectionIndex[symbol]!];
    if (!isNamed || section === undefined || !(section.flags & sectionFlag.alloc)) continue;
    if (roleOf(section) !== "discarded") runs.at(-1)?.names.add(symbolName(elf, symbol));
  }
  return runs;
}

test("every object's local functions and data are in vmlinux, behind the name of its file", () => {
  const image = new Map<string, Run[]>();
  for (const run of collectRuns(loadImage("vmlinux", build.vmlinux)))
    image.set(run.file, [...(image.get(run.file) ?? []), run]);
  const { objects } = loadBuild(build.output);
  const runs = objects.flatMap((object) =>
    collectRuns(object).map((run) => ({ object: object.file, ...run })),
  );
  expect(runs.length).toBeGreaterThan(1000);
  const missing = runs.filter(
    ({ file, names }) =>
      !(image.get(file) ?? []).some((run) => [...names].every((name) => run.names.has(name))),
  );
  expect(missing.map(({ object }) => object)).toEqual([]);
});
