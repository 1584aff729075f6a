// SPDX-License-Identifier: Apache-2.0
/**
 * The final links, of `.tmp_vmlinux*` and of the kernel. Every link whose inputs hold regions is made
 * here, with gates and with the proof, whatever its output is called; otherwise it fails.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename } from "node:path";
import { fail } from "../diagnostics.js";
import { editObject } from "../elf/edit.js";
import { listObjects, loadObject } from "../elf/load.js";
import { symbolName, symbolsOf } from "../elf/object.js";
import type { LinkArguments } from "./arguments.js";
import { pathIn } from "./inputs.js";
import { runLinker } from "./linker.js";
import { findManifests, hasRecord, type LinkFolder, type LinkRecord, readRecord } from "./record.js";
import { mergedName } from "./script.js";
import { isPlacedAtEnd, placeAtEnd, pushesEntryText } from "./textPlacement.js";

/** Linked before the kernel's own table of symbols is known, and not proved. */
export const isIntermediate = (output: string) => basename(output).startsWith(".tmp_vmlinux");

/** The inputs of the kernel's link: without IBT its archives, which have no regions. */
const kernelInputs: ReadonlySet<string> = new Set(["vmlinux.a", "vmlinux.o"]);

/** Whether the inputs of a link hold regions, or stand for those that do. */
export function makesKernel(folder: LinkFolder, link: LinkArguments): boolean {
  const inputs = [...link.wholeInputs, ...link.libraries].map((index) => link.argv[index]!);
  const isOfKernel = hasRecord(folder) && inputs.some((file) => kernelInputs.has(file));
  return isOfKernel || inputs.some((file) => holdsRegions(folder.build, file));
}

/** The record of the link of `vmlinux.o`, which ended well and knew the same manifests. */
export function findRecord(folder: LinkFolder): LinkRecord {
  const record = readRecord(folder);
  const file = folder.at("link.json");
  if (record === undefined) return fail("link-incomplete", { what: `${file} does not exist` });
  if (record.manifests !== findManifests().hash) fail("link-outdated", { file });
  return record;
}

/** Whether a file has a section of a region; by its bytes alone, as it may be an object that we do not read. */
function holdsRegions(build: string, file: string): boolean {
  const place = pathIn(build, file);
  if (!statSync(place, { throwIfNoEntry: false })?.isFile()) return false; // it is an option's value
  return listObjects(file, build).some(({ source }) => holdsBytes(source.path, "..jettison."));
}

const chunk = 2 ** 22;

/** A file may be larger than memory: it is looked at in pieces that overlap. */
function holdsBytes(path: string, bytes: string): boolean {
  const descriptor = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(chunk);
    for (let start = 0; ; start += chunk - bytes.length) {
      const length = readSync(descriptor, buffer, 0, chunk, start);
      if (buffer.subarray(0, length).includes(bytes)) return true;
      if (length < chunk) return false;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The kernel gets `vmlinux.o`, as with IBT, and with it no libraries: it holds what was needed of them. */
function adaptInputs(
  folder: LinkFolder,
  link: LinkArguments,
  argv: readonly string[],
  exported: ReadonlyMap<string, string>,
): readonly string[] {
  return argv.flatMap((argument, index) => {
    if (link.libraries.includes(index)) return [];
    if (!link.wholeInputs.includes(index)) return [argument];
    return [kernelInputs.has(argument) ? "vmlinux.o" : adaptObject(folder, argument, exported)];
  });
}

/** Links, and once more where that shows that the regions of text have to go elsewhere. */
export async function linkPlaced(
  folder: LinkFolder,
  link: LinkArguments,
  exported: ReadonlyMap<string, string>,
): Promise<number> {
  const { build } = folder;
  const adapt = (argv: readonly string[]) => adaptInputs(folder, link, argv, exported);
  if (!isPlacedAtEnd(folder)) {
    const status = await runLinker(build, adapt(link.argv));
    if (status !== 0 || !pushesEntryText(pathIn(build, link.output))) return status;
  }
  const elsewhere = placeAtEnd(link, folder);
  return elsewhere === undefined ? 0 : runLinker(build, adapt(elsewhere));
}

/**
 * An object that joins only the final link: the kernel's export table, in which gated functions are to be
 * represented by their gates, its version, its symbols. Gives the path of a changed copy where one is needed.
 */
function adaptObject(folder: LinkFolder, file: string, exported: ReadonlyMap<string, string>): string {
  const object = loadObject(file, pathIn(folder.build, file));
  const { symbols, sections } = object;
  const editor = editObject(object);
  let isChanged = false;
  sections.forEach(({ name }, section) => {
    const merged = mergedName(name);
    if (merged === undefined) return;
    editor.renameSection(section, merged);
    isChanged = true;
  });
  for (const symbol of symbolsOf(object)) {
    if (symbols.sectionIndex[symbol] !== 0 || symbols.isSpecial[symbol]) continue;
    const gate = exported.get(symbolName(object, symbol));
    if (gate === undefined) continue;
    editor.renameSymbol(symbol, gate);
    isChanged = true;
  }
  if (!isChanged) return file;
  const name = `final-${file.replaceAll("/", "-")}`;
  editor.write(folder.at(name));
  return `${folder.own}/${name}`;
}
