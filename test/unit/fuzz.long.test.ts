// SPDX-License-Identifier: Apache-2.0
/**
 * Damaged input ends in a diagnostic with a code, or in a result: never in a crash, a hang or more than 256 MiB.
 * Here with a fixed seed and ten thousand objects and archives; `scripts/fuzz` does the same for as long as it is
 * told to. JETTISON_FUZZ_SEED and JETTISON_FUZZ_RUNS say which and how many.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { buildGraph, countReferences, describeEdge, indexIncoming } from "../../src/1-graph/graph.js";
import { classifyUnits } from "../../src/2-catalogue/classify.js";
import { readManifests } from "../../src/3-component/manifest.js";
import { parseLinkArguments } from "../../src/8-link/arguments.js";
import { openLinkFolder } from "../../src/8-link/record.js";
import { placeAtEnd } from "../../src/8-link/textPlacement.js";
import { readRelocationList } from "../../src/9-verify/relocationList.js";
import { verifyImage } from "../../src/9-verify/verifyImage.js";
import { verifyObject } from "../../src/9-verify/verifyObject.js";
import { JettisonError } from "../../src/diagnostics.js";
import { isArchive, readArchive } from "../../src/elf/archive.js";
import { editObject } from "../../src/elf/edit.js";
import { sectionFlag, sectionType } from "../../src/elf/format.js";
import { readImage } from "../../src/elf/image.js";
import { loadObject } from "../../src/elf/load.js";
import { type ElfObject, readObject } from "../../src/elf/object.js";
import { parseListing } from "../../src/estimate/listing.js";
import { cleanLine, readConsole } from "../../src/machine/console.js";
import { projectRoot } from "../../src/root.js";
import { command, kernelFlags, sectionFlags, writeFiles } from "../support/compile.js";
import { type Field, listElfFields, mutate, openRandom } from "../support/mutate.js";
import { type Kernel, linkKernel, removeKernel } from "../support/verifyKernel.js";

const seed = Number(process.env.JETTISON_FUZZ_SEED ?? 20101020);
const runs = Number(process.env.JETTISON_FUZZ_RUNS ?? 10_000);
const mostBytes = 256 * 2 ** 20;
const mostSeconds = 2;

const sources = {
  "a.c": `
    extern int other(int); extern __attribute__((weak)) int optional(void);
    static int counter = 3; int shared; const char *name = "a name"; static int (*table[])(int) = { other };
    int twice(int x) { return x * 2; }
    int use(int x) { counter += x; return other(twice(x)) + (optional ? optional() : 0) + table[0](counter); }
    static __attribute__((section(".init.text"), used)) int start(void) { shared = 5; return use(1); }`,
  "b.S": `
    .section .text.f, "axG", @progbits, f, comdat
    .globl f
    .type f, @function
    f: call g
       jne f
       cmpl $7, word(%rip)
       mov $f, %rax
       ret
    .size f, . - f
    .section .altinstructions, "a"
    .long f - ., 1f - .
    .quad 0
    .section .altinstr_replacement, "ax"
    1: call g
    .section __ex_table, "a"
    .long f - ., g - ., 0
    .data
    word: .quad f, g - .
    .comm space, 64, 8
    .weak g`,
  "c.c": "const int numbers[] = { 1, 2, 3 }; int tail(int); int head(int x) { return tail(x + numbers[1]); }",
};

let folder: string;
let kernel: Kernel;
let objects: Buffer[];
let archives: Buffer[];

/** Ends the process when a case takes so long that no test's own limit can end it. */
const heartbeat = new Int32Array(new SharedArrayBuffer(4));
const watchdog = new Worker(
  `const { workerData } = require("node:worker_threads");
   let last = -1;
   setInterval(() => {
     if (workerData[0] === last && last > 0) {
       require("node:fs").writeSync(2, "fuzz: case " + last + " hangs\\n");
       process.kill(process.pid, "SIGKILL");
     }
     last = workerData[0];
   }, 20000);`,
  { eval: true, workerData: heartbeat },
);
watchdog.unref();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
  kernel = linkKernel();
  writeFiles(folder, sources);
  const names = Object.keys(sources).map((name) => name.replace(/\.[cS]$/, ".o"));
  for (const name of Object.keys(sources))
    command(folder, "gcc", ...kernelFlags, ...sectionFlags, "-c", "-o", name.replace(/\.[cS]$/, ".o"), name);
  command(folder, "ar", "rcs", "common.a", ...names);
  command(folder, "ar", "rcsT", "thin.a", ...names);
  const load = (name: string) => readFileSync(join(folder, name));
  objects = [...names.map(load), readFileSync(join(kernel.folder, "vmlinux.o"))];
  archives = ["common.a", "thin.a"].map(load);
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  removeKernel(kernel);
  await watchdog.terminate();
});

beforeEach(() => {
  heartbeat[0] = 0;
});

/** The outcome of all cases: results, and diagnostics by their code. */
type Outcomes = Record<string, number>;

async function tryAll(count: number, one: (run: number) => void | Promise<void>): Promise<Outcomes> {
  const outcomes: Outcomes = {};
  const before = process.resourceUsage().maxRSS * 1024;
  for (let run = 0; run < count; run++) {
    heartbeat[0] = run + 1;
    const start = performance.now();
    let outcome = "result";
    try {
      await one(run);
    } catch (error) {
      if (!(error instanceof JettisonError)) throw new Error(`case ${run} of seed ${seed}`, { cause: error });
      outcome = error.diagnostics[0]!.code;
    }
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (performance.now() - start > 1000 * mostSeconds)
      throw new Error(`case ${run} of seed ${seed} took ${Math.round(performance.now() - start)} ms`);
  }
  // The most that was ever held bounds what any one case held.
  expect(process.resourceUsage().maxRSS * 1024 - before).toBeLessThan(mostBytes);
  return outcomes;
}

/** Everything that a link does with its objects, in memory. */
function plan(inputs: readonly ElfObject[]): void {
  const graph = buildGraph(inputs);
  classifyUnits(graph);
  indexIncoming(graph);
  const counts = countReferences(graph);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(graph.edgeTo.length);
  for (let edge = 0; edge < graph.edgeTo.length; edge++)
    if (graph.edgeTo[edge]! >= 0) describeEdge(graph, edge);
  for (const [index, object] of inputs.entries()) rewrite(object, index, graph);
}

/** Every change that the planner can ask for; what comes out has to be an object again. */
function rewrite(object: ElfObject, index: number, graph: ReturnType<typeof buildGraph>): void {
  const editor = editObject(object);
  object.sections.forEach(({ flags, type }, section) => {
    if (section % 3 === 1) editor.renameSection(section, `.text..jettison.${section}`);
    if (flags & sectionFlag.merge && type === sectionType.progbits) editor.dropMerge(section);
  });
  const hasSymbols = object.symbols.count > 0;
  const gate = hasSymbols
    ? editor.addSymbol({ name: "gate", section: 0, type: 0, visibility: 0, value: 0, size: 0 })
    : 0;
  for (let symbol = 1; symbol < object.symbols.count; symbol += 5)
    editor.renameSymbol(symbol, `new_${symbol}`);
  graph.edgeAt.forEach((at, edge) => {
    if (graph.edgeTo[edge]! >= 0 && graph.unitObject[graph.edgeTo[edge]!] === index && edge % 2 === 0)
      editor.retarget(at, gate, -4);
  });
  const bytes = editor.finish();
  try {
    const again = readObject("again.o", bytes);
    expect(again.sections.length).toBe(object.sections.length);
    expect(again.symbols.count).toBe(object.symbols.count + (hasSymbols ? 1 : 0));
  } catch (cause) {
    throw new Error("what was written cannot be read", { cause });
  }
}

const fieldsOf = (files: readonly Buffer[], list: (bytes: Buffer) => Field[]) => files.map(list);

test(`${runs} damaged objects and archives, read, planned and rewritten`, {
  timeout: 10 * runs + 60_000,
}, async () => {
  const fields = fieldsOf(objects, listElfFields);
  const outcomes = await tryAll(runs, (run) => {
    const random = openRandom(seed, run);
    if (run % 5 === 0) {
      const bytes = mutate(random.pick(archives), [], random);
      if (!isArchive(bytes)) return;
      const members = readArchive("damaged.a", bytes).flatMap(({ name, offset, size }) =>
        offset === undefined
          ? []
          : [readObject(`damaged.a(${name})`, Buffer.from(bytes.subarray(offset, offset + size)))],
      );
      plan(members);
    } else {
      const which = random.below(objects.length);
      plan([readObject("damaged.o", mutate(objects[which]!, fields[which]!, random))]);
    }
  });
  // Neither all refused nor all taken: the damage goes deep, and it is seen.
  expect(outcomes.result).toBeGreaterThan(runs / 20);
  expect(runs - outcomes.result!).toBeGreaterThan(runs / 20);
  expect(Object.keys(outcomes).length).toBeGreaterThanOrEqual(5);
});

test("damaged objects too large to be read as a whole", { timeout: runs + 60_000 }, async () => {
  writeFiles(folder, { "large.c": `${sources["a.c"]}\nconst char bulk[300000] = { 1 };` });
  command(folder, "gcc", ...kernelFlags, ...sectionFlags, "-g", "-c", "-o", "large.o", "large.c");
  const large = readFileSync(join(folder, "large.o"));
  const fields = listElfFields(large);
  const path = join(folder, "damaged.o");
  writeFileSync(path, large);
  plan([loadObject("damaged.o", path)]);
  const outcomes = await tryAll(runs / 20, (run) => {
    writeFileSync(path, mutate(large, fields, openRandom(seed, run)));
    plan([loadObject("damaged.o", path)]);
  });
  expect(outcomes.result).toBeGreaterThan(0);
});

test("damaged kernels, objects and images, are proved or refused", { timeout: runs + 60_000 }, async () => {
  const object = readFileSync(join(kernel.folder, "vmlinux.o"));
  const image = readFileSync(join(kernel.folder, "vmlinux"));
  const [objectFields, imageFields] = fieldsOf([object, image], listElfFields);
  await tryAll(runs / 10, (run) => {
    const random = openRandom(seed, run);
    const bytes = run % 2 === 0 ? mutate(object, objectFields!, random) : mutate(image, imageFields!, random);
    if (run % 2 === 0) verifyObject(readObject("vmlinux.o", bytes), kernel.claims);
    else {
      const list = Buffer.alloc(4 * random.below(50));
      for (let at = 4; at < list.byteLength; at += 4)
        list.writeInt32LE(-0x7f000000 + random.below(40_000), at);
      verifyImage(
        readImage("vmlinux", bytes),
        kernel.claims,
        run % 4 === 1 ? readRelocationList("list", list) : undefined,
      );
    }
  });
});

const folderOfManifests = join(projectRoot, "components");

test("damaged manifests", { timeout: runs + 120_000 }, async () => {
  const names = ["cpu", "hypervisor", "init-only", "iommu", "layout"];
  const manifests = names.map((name) => readFileSync(join(folderOfManifests, `${name}.yaml`)));
  const file = join(folder, "damaged.yaml");
  const outcomes = await tryAll(runs / 20, async (run) => {
    const random = openRandom(seed, run);
    writeFileSync(file, mutate(random.pick(manifests), [], random));
    await readManifests([file]);
  });
  expect(outcomes["manifest-invalid"]).toBeGreaterThan(0);
});

test("damaged linker scripts get the regions in their second place, or are linked as they are", {
  timeout: runs + 60_000,
}, async () => {
  const place = "*(SORT_BY_NAME(.text..jettison.*))";
  const text = `SECTIONS { .text : { *(.text) ${place} } .after : { ${place} *(.rest) } }`;
  const original = Buffer.from(text);
  const script = join(folder, "damaged.lds");
  const linkFolder = openLinkFolder(folder);
  mkdirSync(linkFolder.at("."), { recursive: true });
  const changed = linkFolder.at("vmlinux.lds");
  const seen = { changed: 0, left: 0 };
  await tryAll(runs / 10, (run) => {
    const damaged = mutate(original, [], openRandom(seed, run));
    writeFileSync(script, damaged);
    const argv = placeAtEnd(parseLinkArguments(["-o", "vmlinux", "-T", script, "a.o"]), linkFolder);
    const isOurs = damaged.toString().split(place).length === 3;
    seen[isOurs ? "changed" : "left"]++;
    expect(argv).toEqual(isOurs ? ["-o", "vmlinux", "-T", ".jettison/vmlinux.lds", "a.o"] : undefined);
    if (isOurs) expect(readFileSync(changed, "utf8")).toBe(damaged.toString().replace(place, ""));
  });
  expect(Math.min(seen.changed, seen.left)).toBeGreaterThan(runs / 100);
});

test("damaged section listings", { timeout: runs + 60_000 }, async () => {
  const object = join(kernel.folder, "vmlinux.o");
  const listings = [
    ["objdump", "-h", object],
    ["size", "-A", object],
    ["readelf", "-SW", object],
  ].map(([tool, ...argv]) => Buffer.from(command(folder, tool!, ...argv)));
  const outcomes = await tryAll(runs / 10, (run) => {
    const random = openRandom(seed, run);
    const { sections } = parseListing("damaged.txt", mutate(random.pick(listings), [], random).toString());
    for (const { bytes } of sections) expect(Number.isSafeInteger(bytes) && bytes >= 0).toBe(true);
  });
  expect(outcomes.result).toBeGreaterThan(runs / 100);
});

const log = Buffer.from(
  `${[
    "[    1.000000] jettison: amd-vi: jettisoned, 10 pages (not-in-use)",
    "[    1.100000] WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2",
    "[    1.200000] jettison-guest: begin",
    "[    1.210000] jettison-guest: mem-total 248000512",
    "[    1.220000] jettison-guest: component amd-vi state jettisoned",
    "[    1.220000] jettison-guest: component amd-vi bytes 40960",
    "[    1.230000] jettison-guest: sysfs mode selftest",
    "[    1.230000] jettison-guest: sysfs pages 10",
    "[    3.000000] jettison-guest: fill tmpfs 230000000",
    "[    5.000000] jettison-guest: fill slab 150000000",
    "[    5.000000] jettison-guest: code-pages used 10",
    "[    5.000000] jettison-guest: code-pages left 10",
    "\u001b[1m[    5.200000] jettison-guest: done ok\u001b[0m",
  ].join("\r\n")}\r\n`,
);

test("damaged console logs", { timeout: runs + 60_000 }, async () => {
  await tryAll(runs, (run) => {
    const text = mutate(log, [], openRandom(seed, run)).toString("latin1");
    const lines = text.split("\n").map(cleanLine);
    const { components = [] } = readConsole(lines).jettison ?? {};
    for (const { bytes } of components) expect(Number.isSafeInteger(bytes)).toBe(true);
  });
});
