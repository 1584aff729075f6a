// SPDX-License-Identifier: Apache-2.0
/**
 * The passes, in order, and what is fixed between them. `analyse` decides what leaves: it reads and writes no file.
 * `linkObject` carries that out when the kernel build makes `vmlinux.o`; `linkKernel` makes the kernel from it, and proves it.
 * `planBuild` repeats the decision for a finished build, and `classifyBuild` classifies its built-in modules.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildGraph } from "./1-graph/graph.js";
import { classifyUnits } from "./2-catalogue/classify.js";
import { checkAnswers, checkAsked } from "./3-component/checkAnswers.js";
import { claimTestable } from "./3-component/claimTestable.js";
import { type Component, mostComponents } from "./3-component/component.js";
import { readManifests } from "./3-component/manifest.js";
import { noPacking, type Packing, readPacking } from "./3-component/packing.js";
import { restrictToVersion } from "./3-component/restrictToVersion.js";
import { type ClassifiedModule, classifyModules } from "./4-builtin/classify.js";
import { chooseModules } from "./4-builtin/components.js";
import { readModfiles } from "./4-builtin/modules.js";
import { assignOwners, bundleOwners } from "./5-ownership/owners.js";
import { drawBoundary } from "./6-boundary/boundary.js";
import { findUnfit } from "./6-boundary/findUnfit.js";
import { leastBytesOf } from "./6-boundary/leastBytes.js";
import type { Analysis } from "./7-layout/analysis.js";
import { chooseFiller } from "./7-layout/filler.js";
import { layoutRegions } from "./7-layout/regions.js";
import { announce } from "./8-link/announce.js";
import { type LinkArguments, parseLinkArguments } from "./8-link/arguments.js";
import { replaceTables } from "./8-link/assemble.js";
import { describeClaims, measureTables } from "./8-link/claims.js";
import { hasCompactText } from "./8-link/compactText.js";
import { describeTables, nameTableSymbols } from "./8-link/describeTables.js";
import { findRecord, isIntermediate, linkPlaced, makesKernel } from "./8-link/finalLink.js";
import {
  hasFunctionSections,
  type LinkInputs,
  loadBuild,
  loadLinkInputs,
  pathIn,
  readBuildVersion,
} from "./8-link/inputs.js";
import { runLinker } from "./8-link/linker.js";
import { keyOfLink } from "./8-link/linkKey.js";
import { recordPadding } from "./8-link/padding.js";
import {
  findManifests,
  forgetLink,
  type LinkFolder,
  openLinkFolder,
  recordOf,
  wasAutomatic,
  writeJson,
  writeRecord,
} from "./8-link/record.js";
import { rewriteObjects } from "./8-link/rewrite.js";
import { writeMergeScript } from "./8-link/script.js";
import { startStopwatch } from "./8-link/stopwatch.js";
import { writeTables } from "./8-link/tables.js";
import { withInputs, writeInputs } from "./8-link/writeInputs.js";
import { readClaims } from "./9-verify/claims.js";
import { verifyBuild } from "./9-verify/verifyBuild.js";
import { readFunctionTypes } from "./btf/functionTypes.js";
import { fail, failIfAny } from "./diagnostics.js";
import { loadImage } from "./elf/load.js";
import type { ElfObject } from "./elf/object.js";
import { packColumns } from "./plan/columns.js";
import { completePlan } from "./plan/completePlan.js";
import { makePlan, type Plan } from "./plan/plan.js";
import { readPlan } from "./plan/readPlan.js";
import { writePlan } from "./plan/writePlan.js";

export interface AnalyseOptions {
  readonly packing?: Packing;
  /** The modules that an object was compiled for: then built-in modules leave by themselves where they can. */
  readonly modfiles?: ((file: string) => readonly string[]) | undefined;
  /** Called when a pass has ended. */
  readonly lap?: (pass: string) => void;
}

/** `objects` in the order of the link. */
export function analyse(
  objects: readonly ElfObject[],
  manifests: readonly Component[],
  { packing = noPacking, modfiles, lap = () => {} }: AnalyseOptions = {},
): Analysis {
  const graph = buildGraph(objects);
  const roles = classifyUnits(graph);
  lap("graph");
  // From here on every reference is known, and what each section is to the kernel.

  const described = claimTestable(graph, roles, manifests);
  if (described.claims.components.length > mostComponents)
    fail("too-many-components", { count: described.claims.components.length });
  const chosen = modfiles === undefined ? undefined : chooseModules(graph, roles, described.claims, modfiles);
  const setAside = new Map(chosen?.setAside);
  let modules = chosen?.modules ?? [];
  lap("claims");
  // From here on it is known what may be a component.

  for (;;) {
    const { claims, testSymbols } =
      modules.length === 0 ? described : claimTestable(graph, roles, [...manifests, ...modules]);
    const indexByName = new Map(claims.components.map(({ name }, index) => [name, index] as const));
    const ownership = bundleOwners(
      assignOwners(graph, roles, claims),
      packing.together.map((names) => names.flatMap((name) => indexByName.get(name) ?? [])),
    );
    lap("ownership");
    // From here on it is known whom everything serves.

    const boundary = drawBoundary(
      { graph, roles, claims, ownership },
      { leastBytes: leastBytesOf(packing, indexByName) },
    );
    const unfit = findUnfit(claims, ownership, boundary);
    if (unfit.size > 0) {
      modules = modules.filter(({ title }) => !unfit.has(title));
      for (const [path, why] of unfit) setAside.set(path, why);
      continue;
    }
    // From here on it is known what leaves, and what goes through a gate.

    const regions = layoutRegions(graph, ownership, boundary);
    lap("boundary");
    // Units that leave lie in pages of their own: nothing is decided after this.
    return { graph, roles, claims, testSymbols, ownership, boundary, regions, setAside };
  }
}

/** Stands in for `ld` in a kernel build. `build`: the folder in which make runs the linker. */
export async function runLd(build: string, argv: readonly string[]): Promise<number> {
  if (argv.includes("--jettison-key")) {
    console.log(keyOfLink());
    return 0;
  }
  const link = parseLinkArguments(argv);
  const folder = openLinkFolder(build);
  return link.isRelocatable ? linkObject(folder, link) : linkKernel(folder, link);
}

/** The components as manifests describe them for the kernel of a build. */
async function readManifestsFor(build: string, files: readonly string[]): Promise<readonly Component[]> {
  const version = readBuildVersion(build);
  return (await readManifests(files)).map((component) => restrictToVersion(component, version));
}

/** The link that makes `vmlinux.o`. */
async function linkObject(folder: LinkFolder, link: LinkArguments): Promise<number> {
  const { build, own, at } = folder;
  const manifests = findManifests();
  forgetLink(folder);
  const stopwatch = startStopwatch();
  const described = await readManifestsFor(build, manifests.files);
  stopwatch.lap("manifests");
  const inputs = loadLinkInputs(build, link);
  stopwatch.lap("read");
  const modfiles = manifests.isAutomatic ? (file: string) => readModfiles(build, file) : undefined;
  const analysis = analyse(inputs.objects, described, {
    packing: readPacking(manifests.files),
    modfiles,
    lap: stopwatch.lap,
  });
  const { graph, claims, boundary, regions } = analysis;
  const { components } = claims;
  const { gates } = boundary;
  const plan = makePlan(analysis);
  stopwatch.lap("plan");
  if (components.length === 0 && !hasFunctionSections(inputs)) return runLinker(build, link.argv);
  const filler = hasCompactText(build) ? chooseFiller(graph, boundary) : [];
  // Everything is decided; from here on files are written.

  mkdirSync(at("."), { recursive: true });
  const tableNames = nameTableSymbols(analysis);
  const replacements = rewriteObjects({ graph, regions, filler, gates, tableNames, folder: at("objects") });
  stopwatch.lap("rewrite");
  if (components.length > 0)
    await replaceTables(folder, inputs, replacements, writeTables(describeTables(analysis, tableNames)));
  stopwatch.lap("assemble");
  const archive = writeInputs(folder, inputs, replacements);
  writeFileSync(at("merge.lds"), writeMergeScript(regions));
  writePlan(at("plan.json"), plan, packColumns(analysis));
  writeJson(at("claims.json"), describeClaims({ graph, components, boundary, regions }));
  announce(plan);
  stopwatch.lap("write");
  // The files to link have their regions, gates and tables.

  const status = await runLinker(build, [
    ...["-T", `${own}/merge.lds`],
    // Sections of a group would stay apart, in spite of the script.
    ...(inputs.objects.some(({ groups }) => groups.length > 0) ? ["--force-group-allocation"] : []),
    ...withInputs(link, archive),
  ]);
  stopwatch.lap("ld");
  stopwatch.report();
  if (status !== 0) return status;
  // The object is whole; only now there is something to make a kernel of.

  writeRecord(folder, recordOf(manifests, analysis));
  return 0;
}

/** The final links: those before the kernel's own table of symbols is known (`.tmp_vmlinux*`), and the kernel. */
async function linkKernel(folder: LinkFolder, link: LinkArguments): Promise<number> {
  const { build, at } = folder;
  if (!makesKernel(folder, link)) return runLinker(build, link.argv);
  const record = findRecord(folder);
  // The inputs are those of a whole link, made with these manifests.

  const stopwatch = startStopwatch();
  const status = await linkPlaced(folder, link, record.exports);
  if (status !== 0 || isIntermediate(link.output)) return status;
  stopwatch.lap("ld");
  // Everything has its address.

  const vmlinux = pathIn(build, link.output);
  const image = loadImage(link.output, vmlinux);
  const padding = recordPadding(vmlinux, image);
  const claims = readClaims(at("claims.json"));
  writeJson(at("claims.json"), { ...claims, regions: measureTables(claims.regions, image), padding });
  stopwatch.lap("padding");
  // The kernel's tables have what can leave, and the proof gets the same.

  verifyBuild(build, image);
  stopwatch.lap("proof");
  // Nothing that stays leads to what leaves, but through gates.

  const types = readFunctionTypes(image);
  if (types !== undefined)
    failIfAny([...checkAnswers(readPlan(at("plan.json")).gates, types), ...checkAsked(record.asked, types)]);
  completePlan(at("plan.json"), image, join(build, "plan.json"));
  stopwatch.lap("plan");
  stopwatch.report();
  return 0;
}

export interface PlannedBuild extends Analysis {
  /** The folder of the build. */
  readonly build: string;
  readonly inputs: LinkInputs;
  readonly plan: Plan;
}

/** Plans the link of a finished build again, without linking. Built-in modules leave without a manifest if they did in its own link. */
export async function planBuild(
  build: string,
  manifests: readonly string[],
  isAutomatic = wasAutomatic(openLinkFolder(build)),
): Promise<PlannedBuild> {
  const components = await readManifestsFor(build, manifests);
  const inputs = loadBuild(build);
  const analysis = analyse(inputs.objects, components, {
    packing: readPacking(manifests),
    ...(isAutomatic ? { modfiles: (file: string) => readModfiles(build, file) } : {}),
  });
  return { build, inputs, ...analysis, plan: makePlan(analysis) };
}

/** The modules that a finished build has built in, and whether they could leave like modules. */
export function classifyBuild(build: string): readonly ClassifiedModule[] {
  const graph = buildGraph(loadBuild(build).objects);
  return classifyModules(graph, classifyUnits(graph), (file) => readModfiles(build, file));
}
