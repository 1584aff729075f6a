// SPDX-License-Identifier: Apache-2.0
/**
 * Stands in for `ld` in a kernel build. Two of its calls are Jettison's: the one that makes `vmlinux.o`, where
 * the plan is made and carried out, and those that make `vmlinux` of it. Everything else is the linker's own.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { analyse } from "../analyse/analyse.js";
import { readFunctionTypes } from "../btf/functionTypes.js";
import { checkAnswers } from "../component/checkAnswers.js";
import { readManifests } from "../component/manifest.js";
import { fail, failIfAny } from "../diagnostics.js";
import { writeThinArchive } from "../elf/archive.js";
import { editObject } from "../elf/edit.js";
import { symbolType } from "../elf/format.js";
import { loadFile, loadImage } from "../elf/load.js";
import { readObject, symbolName } from "../elf/object.js";
import { type Graph, locateSymbol } from "../graph/graph.js";
import { completePlan } from "../plan/completePlan.js";
import { describeRefusal, makePlan, type Plan } from "../plan/plan.js";
import { readPlan } from "../plan/readPlan.js";
import { readClaims } from "../verify/claims.js";
import { verifyBuild } from "../verify/verifyBuild.js";
import { type LinkArguments, parseLinkArguments } from "./arguments.js";
import { assembleTables, tablesObject } from "./assemble.js";
import { describeClaims } from "./claims.js";
import { type LinkInputs, loadLinkInputs } from "./inputs.js";
import { tellOfPadding } from "./padding.js";
import { isPlacedAtEnd, placeAtEnd, pushesEntryText } from "./placement.js";
import { nameSymbols, type Rewritten, rewriteObjects, targetSymbol } from "./rewrite.js";
import { mergedName, writeMergeScript } from "./script.js";
import { startStopwatch } from "./stopwatch.js";
import { findTestSymbols, testKey } from "./symbols.js";
import { writeTables } from "./tables.js";

/** Everything that a link leaves behind for the later ones, in the build folder. */
const folder = ".jettison";
const planFile = "plan.json";
const claimsFile = "claims.json";

/** Functions whose exports go through gates, and the gates. */
type ExportGates = Record<string, string>;

export async function runLd(argv: readonly string[]): Promise<number> {
  const link = parseLinkArguments(argv);
  if (link.isRelocatable) return linkRelocatable(link);
  return linkFinal(link);
}

async function linkRelocatable(link: LinkArguments): Promise<number> {
  const manifests = (process.env.JETTISON_COMPONENTS ?? "").split(":").filter((file) => file !== "");
  for (const left of [folder, planFile]) rmSync(left, { recursive: true, force: true });
  const stopwatch = startStopwatch();
  const described = await readManifests(manifests);
  stopwatch.lap("manifests");
  const inputs = loadLinkInputs(".", link);
  stopwatch.lap("read");
  const analysis = analyse(inputs.objects, described, stopwatch.lap);
  const { graph, claims, boundary, regions } = analysis;
  const plan = makePlan(analysis);
  stopwatch.lap("plan");
  // What leaves is fixed.

  const { components } = claims;
  if (components.length === 0 && !hasFunctionSections(inputs)) return runLinker(link.argv);

  const { gates, refusals } = boundary;
  const testSymbols = findTestSymbols(graph, claims);
  const tableNames = nameSymbols(graph, [
    ...testSymbols.values(),
    ...gates.map((gate) => targetSymbol(graph, gate)),
  ]);
  const rewritten = rewriteObjects({ graph, paths: inputs.paths, regions, gates, tableNames });
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
    resolve(component, symbol) {
      const found = testSymbols.get(testKey(component, symbol))!;
      return { name: tableNames.get(found)!, size: sizeOfSymbol(graph, found) };
    },
  });
  stopwatch.lap("rewrite");
  // Everything is decided; from here on files are written.

  mkdirSync(folder, { recursive: true });
  const replacements = writeObjects(inputs, rewritten);
  if (components.length > 0) await replaceTables(inputs, replacements, assembly);
  stopwatch.lap("assemble");
  const argument = writeInputs(inputs, replacements);
  writeFileSync(join(folder, "merge.lds"), writeMergeScript(regions));
  const exported: ExportGates = Object.fromEntries(
    gates.flatMap(({ exports, gateSymbol }) => exports.map((name) => [name, gateSymbol])),
  );
  writeJson(join(folder, "exports.json"), exported);
  writeJson(join(folder, planFile), plan);
  writeJson(join(folder, claimsFile), describeClaims({ graph, components, boundary, regions }));
  report(plan);
  stopwatch.lap("write");
  const status = await runLinker(["-T", join(folder, "merge.lds"), ...withInputs(link, argument)]);
  stopwatch.lap("ld");
  stopwatch.report();
  return status;
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

/** Paths of the changed copies by the number of their object. */
function writeObjects(inputs: LinkInputs, rewritten: readonly Rewritten[]): Map<number, string> {
  const paths = new Map<number, string>();
  for (const { object, bytes } of rewritten) {
    const name = inputs.objects[object]!.file.replaceAll(/[()]/g, "/").replaceAll("..", "__");
    const path = join(folder, "objects", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    paths.set(object, path);
  }
  return paths;
}

async function replaceTables(
  inputs: LinkInputs,
  replacements: Map<number, string>,
  assembly: string,
): Promise<void> {
  const object = inputs.objects.findIndex(({ file }) => file === tablesObject);
  if (object < 0) fail("kernel-without-runtime", { object: tablesObject });
  replacements.set(object, await assembleTables(folder, assembly));
}

/** The archive of all whole inputs, with the changed copies in their places. */
function writeInputs(inputs: LinkInputs, replacements: ReadonlyMap<number, string>): string {
  const archive = join(folder, "vmlinux.a");
  const members: { path: string; size: number }[] = [];
  inputs.objects.forEach((object, index) => {
    const replacement = replacements.get(index);
    // A library's member that changed is linked in its own right; the linker then needs the old one no more.
    if (index >= inputs.wholeCount && replacement === undefined) return;
    let path = replacement ?? inputs.paths[index];
    if (path === undefined) {
      path = join(folder, "objects", String(index));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, object.bytes);
    }
    members.push({
      path,
      size: replacement === undefined ? object.bytes.byteLength : loadFile(path).byteLength,
    });
  });
  writeFileSync(archive, writeThinArchive(archive, members));
  return archive;
}

/**
 * The final links. Without IBT the kernel links its archives once more, in which the regions are not; it then
 * gets `vmlinux.o`, as it does with IBT.
 */
async function linkFinal(link: LinkArguments): Promise<number> {
  const exportsFile = join(folder, "exports.json");
  if (!existsSync(exportsFile)) return runLinker(link.argv);
  const exported = JSON.parse(readFileSync(exportsFile, "utf8")) as ExportGates;
  const own = new Set(["vmlinux.a", "vmlinux.o"]);
  const adapt = (argv: readonly string[]) =>
    argv.flatMap((argument, index) => {
      if (link.libraries.includes(index)) return [];
      if (!link.wholeInputs.includes(index)) return [argument];
      return [own.has(argument) ? "vmlinux.o" : adaptObject(argument, exported)];
    });
  const status = await linkPlaced(link, adapt);
  if (status === 0 && link.output === "vmlinux") {
    const image = loadImage("vmlinux", "vmlinux");
    const padding = tellOfPadding("vmlinux", image);
    writeJson(join(folder, claimsFile), { ...readClaims(join(folder, claimsFile)), padding });
    verifyBuild(".", image);
    const types = readFunctionTypes(image);
    if (types !== undefined) failIfAny(checkAnswers(readPlan(join(folder, planFile)).gates, types));
    completePlan(join(folder, planFile), image, planFile);
  }
  return status;
}

/** Links, and once more where that shows that the regions of text have to go elsewhere. */
async function linkPlaced(
  link: LinkArguments,
  adapt: (argv: readonly string[]) => readonly string[],
): Promise<number> {
  if (!isPlacedAtEnd(folder)) {
    const status = await runLinker(adapt(link.argv));
    if (status !== 0 || !pushesEntryText(link.output)) return status;
  }
  const elsewhere = placeAtEnd(link, folder);
  return elsewhere === undefined ? 0 : runLinker(adapt(elsewhere));
}

/**
 * An object that joins only the final link: the kernel's export table, in which gated functions are to be
 * represented by their gates, its version, its symbols. Gives the path of a changed copy where one is needed.
 */
function adaptObject(file: string, exported: ExportGates): string {
  const object = readObject(file, loadFile(file));
  const { symbols, sections } = object;
  const editor = editObject(object);
  let isChanged = false;
  sections.forEach(({ name }, section) => {
    const merged = mergedName(name);
    if (merged === undefined) return;
    editor.renameSection(section, merged);
    isChanged = true;
  });
  for (let symbol = 1; symbol < symbols.count; symbol++) {
    if (symbols.sectionIndex[symbol] !== 0 || symbols.isSpecial[symbol]) continue;
    const gate = exported[symbolName(object, symbol)];
    if (gate === undefined) continue;
    editor.renameSymbol(symbol, gate);
    isChanged = true;
  }
  if (!isChanged) return file;
  const path = join(folder, `final-${file.replaceAll("/", "-")}`);
  writeFileSync(path, editor.finish());
  return path;
}

/** Beside and renamed: never half a file. */
function writeJson(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value)}\n`);
  renameSync(`${path}.new`, path);
}

/** Kbuild's own form: the action, then what it made. */
function report(plan: Plan): void {
  const pages = plan.regions.reduce((sum, region) => sum + region.pages, 0);
  console.log(`  JETTISON ${plan.regions.length} regions, ${pages} pages, ${plan.gates.length} gates`);
  for (const { component, text } of plan.refusals)
    console.error(`jettison: ${component} is refused: ${text}`);
}

async function runLinker(argv: readonly string[]): Promise<number> {
  const linker = process.env.JETTISON_LD ?? "ld";
  const { exitCode } = await execa(linker, [...argv], { stdio: "inherit", reject: false });
  return exitCode ?? 1;
}
