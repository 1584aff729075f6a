// SPDX-License-Identifier: Apache-2.0
/**
 * Stands in for `ld` in a kernel build. Two of its calls are Jettison's: the one that makes `vmlinux.o`, where
 * the plan is made and carried out, and those that make `vmlinux` of it. Everything else is the linker's own.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { drawBoundary } from "../boundary/boundary.js";
import { classifyUnits } from "../catalogue/classify.js";
import { claimUnits } from "../component/claim.js";
import { restrictToBuild } from "../component/component.js";
import { readManifests } from "../component/manifest.js";
import { fail } from "../diagnostics.js";
import { writeThinArchive } from "../elf/archive.js";
import { editObject } from "../elf/edit.js";
import { loadFile } from "../elf/load.js";
import { readObject, symbolName } from "../elf/object.js";
import { buildGraph, type Graph, locateSymbol } from "../graph/graph.js";
import { layoutRegions } from "../layout/regions.js";
import { assignOwners } from "../ownership/owners.js";
import { describeRefusal, makePlan, type Plan } from "../plan/plan.js";
import { type LinkArguments, parseLinkArguments } from "./arguments.js";
import { assembleTables, tablesObject } from "./assemble.js";
import { type LinkInputs, loadLinkInputs } from "./inputs.js";
import { nameSymbols, type Rewritten, rewriteObjects, targetSymbol } from "./rewrite.js";
import { writeMergeScript } from "./script.js";
import { findTestSymbols, testKey } from "./symbols.js";
import { writeTables } from "./tables.js";

/** Everything that a link leaves behind for the later ones, in the build folder. */
const folder = ".jettison";
const planFile = "plan.json";
const mostComponents = 64;

/** Functions whose exports go through gates, and the gates. */
type ExportGates = Record<string, string>;

export async function runLd(argv: readonly string[]): Promise<number> {
  const link = parseLinkArguments(argv);
  if (link.isRelocatable) return linkRelocatable(link);
  return linkFinal(link);
}

async function linkRelocatable(link: LinkArguments): Promise<number> {
  const manifests = (process.env.JETTISON_COMPONENTS ?? "").split(":").filter((file) => file !== "");
  const manifest = await readManifests(manifests);

  const inputs = loadLinkInputs(link);
  const graph = buildGraph(inputs.objects);
  const files = new Set(inputs.objects.map(({ file }) => file));
  const roles = classifyUnits(graph);
  // From here on every reference is known.

  const claimed = claimUnits(graph, roles, manifest);
  const isBuilt = (object: string) => files.has(object);
  const claims = {
    ...claimed,
    components: claimed.components.map((one) => ({ ...one, inUse: restrictToBuild(one.inUse, isBuilt) })),
  };
  rmSync(folder, { recursive: true, force: true });
  if (claims.components.length === 0 && !hasFunctionSections(inputs)) return runLinker(link.argv);
  if (claims.components.length > mostComponents)
    fail("too-many-components", { count: claims.components.length });

  const ownership = assignOwners(graph, roles, claims);
  const boundary = drawBoundary(
    { graph, roles, claims, ownership },
    { kinds: new Set(["text"]), leastBytes: 512 },
  );
  const regions = layoutRegions(graph, ownership, boundary);
  const plan = makePlan({ graph, roles, claims, ownership, boundary, regions });
  // What leaves is fixed. The rest carries it out.

  const testSymbols = findTestSymbols(graph, claims);
  const { gates } = boundary;
  const tableNames = nameSymbols(graph, [
    ...testSymbols.values(),
    ...gates.map((gate) => targetSymbol(graph, gate)),
  ]);
  const rewritten = rewriteObjects({ graph, paths: inputs.paths, regions, gates, tableNames });
  const regionByUnit = new Map(
    regions.flatMap(({ units }, index) => units.map((unit) => [unit, index] as const)),
  );
  mkdirSync(folder, { recursive: true });
  const assembly = writeTables({
    components: claims.components,
    refusals: boundary.refusals,
    refusalText: (refusal) => describeRefusal(graph, refusal),
    regions,
    gates,
    regionOfGate: (gate) => regionByUnit.get(gate.unit)!,
    nameOfTarget: (gate) => tableNames.get(targetSymbol(graph, gate))!,
    resolve: (component, symbol) => {
      const found = testSymbols.get(testKey(component, symbol))!;
      return { name: tableNames.get(found)!, size: sizeOfSymbol(graph, found) };
    },
  });
  const replacements = writeObjects(inputs, rewritten);
  if (claims.components.length > 0) await replaceTables(inputs, replacements, assembly);
  const argument = writeInputs(inputs, replacements);
  writeFileSync(join(folder, "merge.lds"), writeMergeScript(regions));
  const exported: ExportGates = Object.fromEntries(
    boundary.gates
      .filter(({ isExported }) => isExported)
      .map(({ target, gateSymbol }) => [target.name, gateSymbol]),
  );
  writeJson(join(folder, "exports.json"), exported);
  writeJson(join(folder, planFile), plan);
  report(plan);
  return runLinker(["-T", join(folder, "merge.lds"), ...withInputs(link, argument)]);
}

/** Plain objects and whole archives become one thin archive; libraries stay libraries. */
function withInputs(link: LinkArguments, archive: string): string[] {
  const [first] = link.wholeInputs;
  const dropped = new Set(link.wholeInputs.slice(1));
  return link.argv.flatMap((argument, index) =>
    index === first ? [archive] : dropped.has(index) ? [] : [argument],
  );
}

function hasFunctionSections({ objects }: LinkInputs): boolean {
  return objects.some(({ sections }) =>
    sections.some(({ name }) => /^\.(text|data)\.[_a-zA-Z0-9]/.test(name)),
  );
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
  const argv = link.argv
    .filter((_, index) => !link.libraries.includes(index))
    .map((argument) => (argument === "vmlinux.a" ? "vmlinux.o" : argument))
    .map((argument) => (argument === ".vmlinux.export.o" ? gateExports(argument, exported) : argument));
  const status = await runLinker(argv);
  if (status === 0 && link.output === "vmlinux") {
    copyFileSync(join(folder, planFile), `${planFile}.new`);
    renameSync(`${planFile}.new`, planFile);
  }
  return status;
}

/** A copy of the kernel's export table in which gated functions are represented by their gates. */
function gateExports(file: string, exported: ExportGates): string {
  const object = readObject(file, loadFile(file));
  const editor = editObject(object);
  for (let symbol = 1; symbol < object.symbols.count; symbol++) {
    if (object.symbols.sectionIndex[symbol] !== 0 || object.symbols.isSpecial[symbol]) continue;
    const gate = exported[symbolName(object, symbol)];
    if (gate !== undefined) editor.renameSymbol(symbol, gate);
  }
  const path = join(folder, "vmlinux.export.o");
  writeFileSync(path, editor.finish());
  return path;
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value)}\n`);
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
