// SPDX-License-Identifier: Apache-2.0
import { roleOf } from "../2-catalogue/sections.js";
import { loadBuild } from "../8-link/inputs.js";
import { sectionFlag } from "../elf/format.js";
import { type Kind, kindOfSection } from "../elf/kind.js";
import type { ElfObject } from "../elf/object.js";

export type Bytes = Record<Kind, number>;

export const noBytes = (): Bytes => ({ text: 0, rodata: 0, data: 0, bss: 0 });

/** Code and data that stay after boot; not the tables about them, and nothing that the kernel frees anyway. */
const counted = new Set(["plain", "fixed", "no-gate", "unknown"]);

function weighObject(object: ElfObject): Bytes {
  const bytes = noBytes();
  for (const section of object.sections)
    if (section.flags & sectionFlag.alloc && counted.has(roleOf(section)))
      bytes[kindOfSection(section)] += section.size;
  return bytes;
}

/** The bytes of every object of a finished build, by its path from the top of the build. */
export const weighObjects = (build: string): Map<string, Bytes> =>
  new Map(loadBuild(build).objects.map((object) => [object.file, weighObject(object)]));
