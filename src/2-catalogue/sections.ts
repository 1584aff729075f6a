// SPDX-License-Identifier: Apache-2.0
/**
 * The catalogue of kernel sections: the role of every allocated input section, and the meaning of a reference out of it.
 * It is data (`rows.ts`), looked up by name. If several names fit, the longest counts, so the order of the
 * rows does not matter. A section without a row is unknown: it stays, and it refuses any component that it refers to.
 */
import type { Section } from "../elf/object.js";
import { chapters, type Role, type Row } from "./rows.js";

export type { Role } from "./rows.js";

const exact = new Map<string, Row>();
const prefixes: { readonly start: string; readonly row: Row }[] = [];
for (const { rows } of chapters)
  for (const row of rows)
    for (const name of row.sections.split(" "))
      if (name.endsWith("*")) prefixes.push({ start: name.slice(0, -1), row });
      else exact.set(name, row);
prefixes.sort((a, b) => b.start.length - a.start.length || (a.start < b.start ? -1 : 1));

/** Prefixes by their first three characters, which all have: a build has fifty thousand sections. */
const keyLength = 3;
const prefixesByKey = new Map<string, typeof prefixes>();
for (const prefix of prefixes) {
  const key = prefix.start.slice(0, keyLength);
  prefixesByKey.set(key, [...(prefixesByKey.get(key) ?? []), prefix]);
}

/** The catalogue's entry for a section of that name. */
export function findRow(name: string): Row | undefined {
  const known = exact.get(name);
  if (known !== undefined) return known;
  for (const { start, row } of prefixesByKey.get(name.slice(0, keyLength)) ?? [])
    if (name.startsWith(start)) return row;
  return undefined;
}

export function roleOf(section: Section): Role {
  if (section.size === 0) return "fixed"; // nothing can lie in it
  return findRow(section.name)?.role ?? "unknown";
}
