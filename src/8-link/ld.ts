// SPDX-License-Identifier: Apache-2.0
/**
 * Stands in for `ld` in a kernel build. Two of its calls are Jettison's: the one that makes `vmlinux.o`, where the plan
 * is made and carried out (below), and those that make `vmlinux` of it (linkKernel.ts). Everything else is the
 * linker's own.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { type Graph, locateSymbol } from "../1-graph/graph.js";
import { askedFunctions } from "../3-component/checkAnswers.js";
import { readManifests } from "../3-component/manifest.js";
import { readPacking } from "../3-component/packing.js";
import { testKey } from "../3-component/testSymbols.js";
import { readModfiles } from "../4-builtin/modules.js";
import { fail } from "../diagnostics.js";
import { writeThinArchive } from "../elf/archive.js";
import { symbolType } from "../elf/format.js";
import { copyObject, readSize } from "../elf/load.js";
import { symbolName } from "../elf/object.js";
import { analyse } from "../passes.js";
import { packColumns } from "../plan/columns.js";
import { nameManifests } from "../plan/manifestNames.js";
import { describeRefusal, makePlan, type Plan } from "../plan/plan.js";
import { writePlan } from "../plan/writePlan.js";
import { type LinkArguments, parseLinkArguments } from "./arguments.js";
import { assembleTables, tablesObject } from "./assemble.js";
import { describeClaims } from "./claims.js";
import { type LinkInputs, loadLinkInputs } from "./inputs.js";
import { runLinker } from "./linker.js";
import { linkKernel } from "./linkKernel.js";
import { keyOfLink } from "./linkKey.js";
import {
  findManifests,
  forgetLink,
  type LinkFolder,
  openLinkFolder,
  writeJson,
  writeRecord,
} from "./record.js";
import { makeObjectPath, nameSymbols, type Replacement, rewriteObjects, targetSymbol } from "./rewrite.js";
import { writeMergeScript } from "./script.js";
import { startStopwatch } from "./stopwatch.js";
import { writeTables } from "./tables.js";

/** `build`: the folder in which make runs the linker. */
export async function runLd(build: string, argv: readonly string[]): Promise<number> {
  if (argv.includes("--jettison-key")) {
    console.log(keyOfLink());
    return 0;
  }
  const link = parseLinkArguments(argv);
  const folder = openLinkFolder(build);
  return link.isRelocatable ? linkObject(folder, link) : linkKernel(folder, link);
}

/** The passes that make `vmlinux.o`. */
async function linkObject(folder: LinkFolder, link: LinkArguments): Promise<number> {
  const { build } = folder;
  const manifests = findManifests();
  forgetLink(folder);
  const stopwatch = startStopwatch();
  const described = await readManifests(manifests.files);
  stopwatch.lap("manifests");
  const inputs = loadLinkInputs(build, link);
  stopwatch.lap("read");
  const modfiles = manifests.isAutomatic ? (file: string) => readModfiles(build, file) : undefined;
  const analysis = analyse(inputs.objects, described, {
    packing: readPacking(manifests.files),
    modfiles,
    lap: stopwatch.lap,
  });
  const { graph, claims, testSymbols, boundary, regions } = analysis;
  const plan = makePlan(analysis);
  stopwatch.lap("plan");
  // The set of units that leave is fixed.

  const { components } = claims;
  if (components.length === 0 && !hasFunctionSections(inputs)) return runLinker(build, link.argv);

  const { gates, refusals } = boundary;
  const tableNames = nameSymbols(graph, [
    ...testSymbols.values(),
    ...gates.map((gate) => targetSymbol(graph, gate)),
    ...components.flatMap(({ automatic }) =>
      automatic === undefined ? [] : [automatic.init, automatic.exit],
    ),
  ]);
  const regionByUnit = new Map(
    regions.flatMap(({ units }, index) => units.map((unit) => [unit, index] as const)),
  );
  const assembly = writeTables({
    components,
    refusals,
    refusalText: (refusal) => describeRefusal(graph, refusal),
    regions,
    gates,
    regionOfGate: (gate) => regionByUnit.get(gate.unit)!,
    nameOfTarget: (gate) => tableNames.get(targetSymbol(graph, gate))!,
    nameOfSymbol: (symbol) => tableNames.get(symbol)!,
    resolve(component, symbol) {
      const found = testSymbols.get(testKey(component, symbol))!;
      return { name: tableNames.get(found)!, size: sizeOfSymbol(graph, found) };
    },
  });
  // Everything is decided; from here on files are written.

  mkdirSync(folder.at("."), { recursive: true });
  const replacements = rewriteObjects({ graph, regions, gates, tableNames, folder: folder.at("objects") });
  stopwatch.lap("rewrite");
  if (components.length > 0) await replaceTables(folder, inputs, replacements, assembly);
  stopwatch.lap("assemble");
  const argument = writeInputs(folder, inputs, replacements);
  writeFileSync(folder.at("merge.lds"), writeMergeScript(regions));
  writePlan(folder.at("plan.json"), plan, packColumns(analysis));
  writeJson(folder.at("claims.json"), describeClaims({ graph, components, boundary, regions }));
  report(plan);
  stopwatch.lap("write");
  const status = await runLinker(build, [
    ...["-T", `${folder.own}/merge.lds`],
    // Sections of a group would stay apart, whatever the script says.
    ...(inputs.objects.some(({ groups }) => groups.length > 0) ? ["--force-group-allocation"] : []),
    ...withInputs(link, argument),
  ]);
  stopwatch.lap("ld");
  stopwatch.report();
  if (status !== 0) return status;
  // The object is whole; only now there is something to make a kernel of.

  const exports = gates.flatMap((gate) => gate.exports.map((name) => [name, gate.gateSymbol] as const));
  const names = nameManifests(manifests.files);
  const asked = components.flatMap(({ file, inUse }) =>
    askedFunctions(inUse).map((one) => ({ ...one, file: names.get(file) ?? file })),
  );
  writeRecord(folder, {
    manifests: manifests.hash,
    isAutomatic: manifests.isAutomatic,
    exports: new Map(exports),
    asked,
  });
  return 0;
}

/** Plain objects and whole archives become one thin archive; libraries stay libraries. */
function withInputs(link: LinkArguments, archive: string): string[] {
  const [first] = link.wholeInputs;
  const dropped = new Set(link.wholeInputs.slice(1));
  return link.argv.flatMap((argument, index) =>
    index === first ? [archive] : dropped.has(index) ? [] : [argument],
  );
}

/** Whether the compiler gave functions sections of their own: some function f lies in `.text.f`. */
function hasFunctionSections({ objects }: LinkInputs): boolean {
  return objects.some((object) => {
    const { symbols, sections } = object;
    for (let symbol = 1; symbol < symbols.count; symbol++) {
      if (symbols.type[symbol] !== symbolType.function || symbols.isSpecial[symbol]) continue;
      const { name } = sections[symbols.sectionIndex[symbol]!]!;
      if (name.startsWith(".text.") && name === `.text.${symbolName(object, symbol)}`) return true;
    }
    return false;
  });
}

function sizeOfSymbol(graph: Graph, symbol: number): number {
  const { object, symbol: index } = locateSymbol(graph, symbol);
  return graph.objects[object]!.symbols.size[index]!;
}

async function replaceTables(
  folder: LinkFolder,
  inputs: LinkInputs,
  replacements: Map<number, Replacement>,
  assembly: string,
): Promise<void> {
  const object = inputs.objects.findIndex(({ file }) => file === tablesObject);
  if (object < 0) fail("kernel-without-runtime", { object: tablesObject });
  const path = await assembleTables(folder, assembly);
  replacements.set(object, { path, size: readSize(path) });
}

/** The archive of all whole inputs, with the changed copies in their places. */
function writeInputs(
  folder: LinkFolder,
  inputs: LinkInputs,
  replacements: ReadonlyMap<number, Replacement>,
): string {
  const archive = folder.at("vmlinux.a");
  const members: Replacement[] = [];
  inputs.objects.forEach(({ file, content }, index) => {
    const replacement = replacements.get(index);
    // A library's member that changed is linked in its own right; the linker then needs the old one no more.
    if (index >= inputs.wholeCount && replacement === undefined) return;
    if (replacement !== undefined) members.push(replacement);
    else if (inputs.paths[index] !== undefined)
      members.push({ path: inputs.paths[index], size: content.size });
    else {
      const path = makeObjectPath(folder.at("objects"), index, file);
      copyObject(content.source!, path);
      members.push({ path, size: content.size });
    }
  });
  writeFileSync(archive, writeThinArchive(archive, members));
  return `${folder.own}/vmlinux.a`;
}

/** Kbuild's own form: the action, then what it made. */
function report(plan: Plan): void {
  const pages = plan.regions.reduce((sum, region) => sum + region.pages, 0);
  console.log(`  JETTISON ${plan.regions.length} regions, ${pages} pages, ${plan.gates.length} gates`);
  for (const { component, text } of plan.refusals)
    console.error(`jettison: ${component} is refused: ${text}`);
  for (const { name, state, lacks } of plan.components)
    if (lacks !== undefined)
      console.log(
        `  JETTISON ${name} ${state === "not-built" ? "is left out" : "is built in part"}: this build has no ${lacks.join(", ")}`,
      );
}
