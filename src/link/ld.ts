// SPDX-License-Identifier: Apache-2.0
/**
 * Stands in for `ld` in a kernel build. Two of its calls are Jettison's: the one that makes `vmlinux.o`, where
 * the plan is made and carried out, and those that make `vmlinux` of it. Everything else is the linker's own.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { analyse } from "../analyse/analyse.js";
import { testKey } from "../analyse/testSymbols.js";
import { readFunctionTypes } from "../btf/functionTypes.js";
import { checkAnswers } from "../component/checkAnswers.js";
import { readManifests } from "../component/manifest.js";
import { fail, failIfAny } from "../diagnostics.js";
import { writeThinArchive } from "../elf/archive.js";
import { editObject } from "../elf/edit.js";
import { symbolType } from "../elf/format.js";
import { copyObject, loadImage, loadObject, readSize } from "../elf/load.js";
import { symbolName } from "../elf/object.js";
import { type Graph, locateSymbol } from "../graph/graph.js";
import { completePlan } from "../plan/completePlan.js";
import { describeRefusal, makePlan, type Plan } from "../plan/plan.js";
import { readPlan } from "../plan/readPlan.js";
import { describeEnd } from "../process.js";
import { readClaims } from "../verify/claims.js";
import { verifyBuild } from "../verify/verifyBuild.js";
import { type LinkArguments, parseLinkArguments } from "./arguments.js";
import { assembleTables, tablesObject } from "./assemble.js";
import { describeClaims } from "./claims.js";
import { type LinkInputs, loadLinkInputs } from "./inputs.js";
import { tellOfPadding } from "./padding.js";
import { isPlacedAtEnd, placeAtEnd, pushesEntryText } from "./placement.js";
import { makeObjectPath, nameSymbols, type Replacement, rewriteObjects, targetSymbol } from "./rewrite.js";
import { mergedName, writeMergeScript } from "./script.js";
import { startStopwatch } from "./stopwatch.js";
import { writeTables } from "./tables.js";

/** Everything that a link leaves behind for the later ones, in the build folder. */
const folder = ".jettison";
const objectsFolder = join(folder, "objects");
const planFile = "plan.json";
const claimsFile = "claims.json";

/** Functions whose exports go through gates, and the gates. No plain object, in which a `constructor` always is. */
type ExportGates = ReadonlyMap<string, string>;

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
  const { graph, claims, testSymbols, boundary, regions } = analysis;
  const plan = makePlan(analysis);
  stopwatch.lap("plan");
  // What leaves is fixed.

  const { components } = claims;
  if (components.length === 0 && !hasFunctionSections(inputs)) return runLinker(link.argv);

  const { gates, refusals } = boundary;
  const tableNames = nameSymbols(graph, [
    ...testSymbols.values(),
    ...gates.map((gate) => targetSymbol(graph, gate)),
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
    resolve(component, symbol) {
      const found = testSymbols.get(testKey(component, symbol))!;
      return { name: tableNames.get(found)!, size: sizeOfSymbol(graph, found) };
    },
  });
  // Everything is decided; from here on files are written.

  mkdirSync(folder, { recursive: true });
  const replacements = rewriteObjects({ graph, regions, gates, tableNames, folder: objectsFolder });
  stopwatch.lap("rewrite");
  if (components.length > 0) await replaceTables(inputs, replacements, assembly);
  stopwatch.lap("assemble");
  const argument = writeInputs(inputs, replacements);
  writeFileSync(join(folder, "merge.lds"), writeMergeScript(regions));
  const exported: ExportGates = new Map(
    gates.flatMap(({ exports, gateSymbol }) => exports.map((name) => [name, gateSymbol] as const)),
  );
  writeJson(join(folder, "exports.json"), Object.fromEntries(exported));
  writeJson(join(folder, planFile), plan);
  writeJson(join(folder, claimsFile), describeClaims({ graph, components, boundary, regions }));
  report(plan);
  stopwatch.lap("write");
  const status = await runLinker([
    ...["-T", join(folder, "merge.lds")],
    // Sections of a group would stay apart, whatever the script says.
    ...(inputs.objects.some(({ groups }) => groups.length > 0) ? ["--force-group-allocation"] : []),
    ...withInputs(link, argument),
  ]);
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

async function replaceTables(
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
function writeInputs(inputs: LinkInputs, replacements: ReadonlyMap<number, Replacement>): string {
  const archive = join(folder, "vmlinux.a");
  const members: Replacement[] = [];
  inputs.objects.forEach(({ file, content }, index) => {
    const replacement = replacements.get(index);
    // A library's member that changed is linked in its own right; the linker then needs the old one no more.
    if (index >= inputs.wholeCount && replacement === undefined) return;
    if (replacement !== undefined) members.push(replacement);
    else if (inputs.paths[index] !== undefined)
      members.push({ path: inputs.paths[index], size: content.size });
    else {
      const path = makeObjectPath(objectsFolder, index, file);
      copyObject(content.source!, path);
      members.push({ path, size: content.size });
    }
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
  const written = JSON.parse(readFileSync(exportsFile, "utf8")) as Readonly<Record<string, string>>;
  const exported: ExportGates = new Map(Object.entries(written));
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
  const object = loadObject(file, file);
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
    const gate = exported.get(symbolName(object, symbol));
    if (gate === undefined) continue;
    editor.renameSymbol(symbol, gate);
    isChanged = true;
  }
  if (!isChanged) return file;
  const path = join(folder, `final-${file.replaceAll("/", "-")}`);
  editor.write(path);
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
  for (const { name, state, lacks } of plan.components)
    if (lacks !== undefined)
      console.log(
        `  JETTISON ${name} ${state === "not-built" ? "is left out" : "is built in part"}: this build has no ${lacks.join(", ")}`,
      );
}

/** Gives the linker's exit code. What has gone wrong the linker says itself, unless it could not. */
async function runLinker(argv: readonly string[]): Promise<number> {
  const linker = process.env.JETTISON_LD ?? "ld";
  const start = performance.now();
  const result = await execa(linker, [...argv], { stdio: "inherit", reject: false });
  if (result.exitCode !== undefined) return result.exitCode;
  const status = describeEnd(result, (performance.now() - start) / 1000)!;
  return fail("command-failed", { command: [linker, ...argv].join(" "), status, tail: "" });
}
