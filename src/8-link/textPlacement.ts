// SPDX-License-Identifier: Apache-2.0
/**
 * Where the regions of text go. With compact text (X86_COMPACT_TEXT) they lie at the end of all text, and nothing has to
 * be found out. Else they take the place of the padding before the entry text, which is aligned to 2 MB:
 *
 *     text | regions | padding | entry text, padding
 *     0              :         2 MB                  4 MB
 *
 * If they reached over the 2 MB boundary, the entry text would move on by 2 MB, and the rest of these 2 MB would be padding,
 * which comes back only where padding is freed. So they lie at the end then, where the kernel itself frees
 * the rest of their 2 MB:
 *
 *     text | padding | entry text, padding | regions | gap up to the read-only data
 *     0              2 MB                  4 MB                6 MB
 *
 * The first link shows which case applies; nothing is guessed.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { loadImage } from "../elf/load.js";
import { symbolName, symbolsOf } from "../elf/object.js";
import type { LinkArguments } from "./arguments.js";
import { pathIn } from "./inputs.js";
import type { LinkFolder } from "./record.js";

const largePage = 2 ** 21;
const changedScript = "vmlinux.lds";

/** The two places in the kernel's script; the first that names them gets them. */
const place = /\*\(SORT_BY_NAME\(\.text\.\.jettison\.\*\)\)/g;

/** Whether an image that was linked with the regions in the first place has become larger by them. */
export function pushesEntryText(file: string): boolean {
  const image = loadImage(file, file);
  let start = Number.NaN;
  let entry = Number.NaN;
  const ends: number[] = [];
  for (const symbol of symbolsOf(image)) {
    const name = symbolName(image, symbol);
    const address = image.symbolAddress[symbol]!;
    if (name === "__jettison_text_start") start = address;
    else if (name === "__entry_text_start") entry = address;
    else if (/^__jettison_region_\w+_end$/.test(name)) ends.push(address);
  }
  const end = Math.max(start, ...ends.filter((one) => one > start && one <= entry));
  return Math.ceil(end / largePage) > Math.ceil(start / largePage);
}

/** The arguments of a final link that puts the regions at the end; undefined: its script has no second place. */
export function placeAtEnd(
  { argv, script }: LinkArguments,
  { build, own, at }: LinkFolder,
): readonly string[] | undefined {
  if (script === undefined || !existsSync(pathIn(build, script))) return undefined;
  const text = readFileSync(pathIn(build, script), "utf8");
  if ((text.match(place) ?? []).length !== 2) return undefined;
  const changed = `${own}/${changedScript}`;
  writeFileSync(at(changedScript), text.replace(new RegExp(place, ""), ""));
  return argv.map((argument) =>
    argument === script ? changed : argument === `--script=${script}` ? `--script=${changed}` : argument,
  );
}

/** Whether a link before this one has found that they belong there. */
export const isPlacedAtEnd = ({ at }: LinkFolder) => existsSync(at(changedScript));
