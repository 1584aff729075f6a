// SPDX-License-Identifier: Apache-2.0
/**
 * Checks the regions of an image: each consists of whole pages of one kind, apart from all others and guarded
 * at both ends, and the kernel's own table has the same places and owners (docs/design.md, "Tables for the kernel").
 */

import { sectionFlag, sectionType } from "../elf/format.js";
import { pageSize } from "../x86/x86.js";
import { kinds, type VerifiedRegion } from "./claims.js";
import { findAround } from "./extents.js";
import { type ImageMap, type RegionExtent, readPointer, readWord } from "./imageMap.js";
import { checkGuards, guardBytes } from "./proof.js";

/** A row of the table of regions, and of that of components. */
export const bytesOfRegion = 32;
/** The index of a component in the list of owners. */
const bytesOfOwner = 2;

export function checkRegions(map: ImageMap, regions: readonly VerifiedRegion[]): string[] {
  const { image, regions: placed } = map;
  const what: string[] = [];
  for (const { name } of regions)
    if (!placed.some((one) => one.name === name)) what.push(`region ${name} is missing from ${image.file}`);
  placed.forEach(({ start, end, name, region }, index) => {
    if (start % pageSize !== 0 || end - start !== region.pages * pageSize)
      what.push(`region ${name} is not made of the ${region.pages} pages that were planned`);
    if (end > (placed[index + 1]?.start ?? Number.POSITIVE_INFINITY))
      what.push(`regions ${name} and ${placed[index + 1]!.name} overlap`);
    what.push(
      ...(region.readers === undefined ? checkSection : checkPlace)(map, { start, end, name, region }),
    );
  });
  return [...what, ...checkGuarded(map), ...checkTable(map, regions)];
}

function checkSection(map: ImageMap, { start, end, name, region }: ImageMap["regions"][number]): string[] {
  const holder = map.sectionAt(start);
  if (holder === undefined || end > holder.end) return [`region ${name} does not lie in one section`];
  const { flags, type } = map.image.sections[holder.index]!;
  const isCode = (flags & sectionFlag.execute) !== 0;
  if (isCode !== (region.kind === "text"))
    return [`region ${name} lies in ${holder.name}, which is no ${region.kind}`];
  if ((type === sectionType.nobits) !== (region.kind === "bss"))
    return [`region ${name} lies in ${holder.name}, which is no ${region.kind}`];
  if (type === sectionType.nobits) return [];
  const offset = map.offsetOf(start, end - start)!;
  return checkGuards(`region ${name}`, map.image.bytes.subarray(offset, offset + (end - start)));
}

/** A table is several sections, all of them constants. */
function checkPlace({ image, addresses }: ImageMap, { start, end, name }: RegionExtent): string[] {
  const what: string[] = [];
  const first = addresses.get("__jettison_rodata_start") ?? Number.NaN;
  const last = addresses.get("__jettison_rodata_end") ?? Number.NaN;
  if (!(start >= first && end <= last))
    what.push(`region ${name} does not lie among constants that may leave`);
  image.sections.forEach(({ name: section, flags, size }, index) => {
    const address = image.sectionAddress[index]!;
    if (!(flags & sectionFlag.alloc) || address >= end || address + size <= start) return;
    if (flags & sectionFlag.execute) what.push(`region ${name} lies in ${section}, which is code`);
    if (address < start || address + size > end)
      what.push(`region ${name} does not have the whole of ${section}`);
  });
  return what;
}

/** Nothing lies in guard bytes; in bss there are no bytes to check. */
function checkGuarded({ regions: placed, symbols }: ImageMap): string[] {
  return symbols.flatMap(({ start, end, name }) => {
    const region = start < end ? findAround(placed, start) : undefined;
    const isGuarded =
      region !== undefined && (start < region.start + guardBytes || end > region.end - guardBytes);
    return isGuarded ? [`${name} lies in the guard bytes of region ${region.name}`] : [];
  });
}

/** The kernel's own table of regions, row by row in the order of the plan. */
function checkTable(map: ImageMap, regions: readonly VerifiedRegion[]): string[] {
  const table = map.addresses.get("jettison_regions");
  const count = map.addresses.get("jettison_nr_regions");
  if (table === undefined || count === undefined)
    return regions.length === 0 ? [] : ["the kernel has no table of its regions"];
  if (readWord(map, count) !== regions.length)
    return [`the kernel's table has ${readWord(map, count)} regions instead of ${regions.length}`];
  return regions.flatMap((region, index) => {
    const row = table + index * bytesOfRegion;
    const placed = map.regions.find(({ name }) => name === region.name);
    if (placed === undefined) return [];
    if (readPointer(map, row) !== placed.start || readPointer(map, row + 8) !== placed.end)
      return [`the kernel takes region ${region.name} to be somewhere else`];
    if (kinds[readWord(map, row + 24) ?? kinds.length] !== region.kind)
      return [`the kernel takes region ${region.name} to be no ${region.kind}`];
    const expected = new Set(region.owners);
    const owners = readOwners(map, row + 16, expected.size);
    const same = owners.length === expected.size && [...expected].every((owner) => owners.includes(owner));
    return same
      ? []
      : [`the kernel takes region ${region.name} to belong to ${owners.join(", ") || "nobody"}`];
  });
}

/** Names of a region's owners, one more than `expected` at most: where the list of them begins, and how many there are. */
function readOwners(map: ImageMap, place: number, expected: number): string[] {
  const components = map.addresses.get("jettison_components") ?? 0;
  const list = map.addresses.get("jettison_owners") ?? 0;
  const [first, count] = [readWord(map, place) ?? 0, readWord(map, place + 4) ?? 0];
  return Array.from({ length: Math.min(count, expected + 1) }, (_, index) => {
    const offset = map.offsetOf(list + (first + index) * bytesOfOwner, bytesOfOwner);
    if (offset === undefined) return "?";
    const owner = map.image.view.getUint16(offset, true);
    return readString(map, readPointer(map, components + owner * bytesOfRegion));
  });
}

const longestName = 256;

function readString(map: ImageMap, address = 0): string {
  const offset = map.offsetOf(address, 1);
  if (offset === undefined) return "?";
  const end = map.image.bytes.indexOf(0, offset);
  return end < 0 || end - offset > longestName ? "?" : map.image.bytes.toString("utf8", offset, end);
}
