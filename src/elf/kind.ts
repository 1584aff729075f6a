// SPDX-License-Identifier: Apache-2.0
/** The kinds of memory that the kernel maps in different ways. */
import { sectionFlag, sectionType } from "./format.js";
import type { Section } from "./object.js";

/** In the order in which regions and tables have them. */
export const kinds = ["text", "rodata", "data", "bss"] as const;
export type Kind = (typeof kinds)[number];

/** The kind of memory of a section. */
export function kindOfSection(section: Section): Kind {
  if (section.flags & sectionFlag.execute) return "text";
  if (!(section.flags & sectionFlag.write)) return "rodata";
  return section.type === sectionType.nobits ? "bss" : "data";
}
