// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { writeThinArchive } from "../elf/archive.js";
import { copyObject } from "../elf/load.js";
import type { LinkArguments } from "./arguments.js";
import type { LinkInputs } from "./inputs.js";
import type { LinkFolder } from "./record.js";
import { makeObjectPath, type Replacement } from "./rewrite.js";

/** The archive of all whole inputs, with the changed copies in their places. */
export function writeInputs(
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

/** Plain objects and whole archives become one thin archive; libraries stay libraries. */
export function withInputs(link: LinkArguments, archive: string): string[] {
  const [first] = link.wholeInputs;
  const dropped = new Set(link.wholeInputs.slice(1));
  return link.argv.flatMap((argument, index) =>
    index === first ? [archive] : dropped.has(index) ? [] : [argument],
  );
}
