// SPDX-License-Identifier: Apache-2.0
/**
 * The bytes of a linked kernel as a tree whose sums add up to the image: the root has the image's bytes, and each
 * node those of its children. Output that is larger or smaller than its inputs (merged strings, tables,
 * alignment) has tiles of its own, so that no other tile is charged for it.
 */

import type { Kind } from "../elf/kind.js";
import type { ImageSection, PlanImage } from "../plan/image.js";
import { placeSection } from "../plan/outputSection.js";
import { sum } from "../sum.js";
import { pageSize } from "../x86/x86.js";
import { kindOf, objectOf, ownersOf, roleOf, type Units, unitName } from "./units.js";

/**
 * - `unit`, `gate`.
 * - `rounding`: what a region's last page is filled up with.
 * - `table`: made by the build, not by a compiler.
 * - `padding`: fill and alignment inside a section.
 * - `gap`: between two sections.
 */
export type TileKind = "group" | "unit" | "gate" | "rounding" | "table" | "padding" | "gap";

export interface Tile {
  readonly name: string;
  readonly kind: TileKind;
  readonly bytes: number;
  /** Those of an object are made when they are first asked for: most of 200,000 are never looked at. */
  readonly children: readonly Tile[];
  /** For an object: the units that its children show, and the bytes of the largest. */
  readonly units?: readonly number[];
  readonly largest?: number;
  /** For a `unit`: its number. */
  readonly unit?: number;
  /** Index of the region that it lies in. */
  readonly region?: number;
  /** Memory that the kernel frees after boot anyway. */
  readonly isInit?: boolean;
}

export interface Ledger {
  readonly root: Tile;
  /** Bytes of units that are not shown as units, by the reason. */
  readonly hidden: readonly { readonly why: string; readonly bytes: number; readonly units: number }[];
}

/** A tree under construction: groups by name. */
interface TreeNode {
  readonly name: string;
  /** A folder of the source, not a group of ours. */
  readonly isFolder: boolean;
  readonly groups: Map<string, TreeNode>;
  readonly tiles: Tile[];
  /** For an object. */
  readonly units: number[];
  isInit: boolean;
}

const newNode = (name: string, isFolder = false): TreeNode => ({
  name,
  isFolder,
  groups: new Map(),
  tiles: [],
  units: [],
  isInit: false,
});

function nodeAt(group: TreeNode, path: readonly string[], isFolder = false): TreeNode {
  let at = group;
  for (const name of path) {
    let next = at.groups.get(name);
    if (next === undefined) {
      next = newNode(name, isFolder);
      at.groups.set(name, next);
    }
    at = next;
  }
  return at;
}

function finish(units: Units, group: TreeNode): Tile {
  let { name } = group;
  let at = group;
  // A folder with nothing but one folder in it is shown with it: `drivers/iommu`.
  while (at.isFolder && at.groups.size === 1 && at.tiles.length === 0 && at.units.length === 0) {
    at = [...at.groups.values()][0]!;
    name = `${name}/${at.name}`;
  }
  if (at.units.length > 0) return tileOfObject(units, name, at);
  const children = [...at.tiles];
  for (const inner of at.groups.values()) children.push(finish(units, inner));
  const bytes = sum(children.map((child) => child.bytes));
  return { name, kind: "group", bytes, children: inOrder(children) };
}

const inOrder = (tiles: readonly Tile[]) =>
  tiles.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);

function tileOfObject(units: Units, name: string, group: TreeNode): Tile {
  const { bytes } = units.plan.columns;
  let sum = 0;
  let largest = 0;
  for (const unit of group.units) {
    sum += bytes[unit]!;
    largest = Math.max(largest, bytes[unit]!);
  }
  let children: readonly Tile[] | undefined;
  return {
    name,
    kind: "group",
    bytes: sum,
    largest,
    units: group.units,
    ...(group.isInit ? { isInit: true } : {}),
    get children() {
      children ??= inOrder(group.units.map((unit) => tileOfUnit(units, unit, group.isInit)));
      return children;
    },
  };
}

/** Puts units below a group of the tree, by the folders of their objects; init or not, one group has no other. */
function placeUnits(
  root: TreeNode,
  units: Units,
): (path: readonly string[], unit: number, isInit: boolean) => void {
  // By the path itself, of which there is one each: 200,000 units are not to make a key each.
  const known = new Map<readonly string[], TreeNode[]>();
  return (path, unit, isInit) => {
    let byObject = known.get(path);
    if (byObject === undefined) {
      byObject = [];
      known.set(path, byObject);
    }
    const object = units.object[unit]!;
    byObject[object] ??= nodeAt(nodeAt(root, path), objectOf(units, unit).split("/"), true);
    byObject[object].units.push(unit);
    byObject[object].isInit = isInit;
  };
}

export const groupNames = {
  components: "Components",
  gates: "Gates",
  kernel: "Kernel",
  tables: "Made by the build",
  init: "Freed after boot",
  padding: "Padding and alignment",
  gaps: "Between sections",
} as const;

export function drawLedger(units: Units): Ledger {
  const { image } = units.plan;
  return image === undefined ? ledgerOfSections(units) : ledgerOfImage(units, image);
}

interface Hidden {
  add(why: string, bytes: number): void;
  list(): Ledger["hidden"];
}

function collectHidden(): Hidden {
  const reasons = new Map<string, { why: string; bytes: number; units: number }>();
  return {
    add(why, bytes) {
      const known = reasons.get(why) ?? { why, bytes: 0, units: 0 };
      reasons.set(why, known);
      known.bytes += bytes;
      known.units++;
    },
    list: () => [...reasons.values()],
  };
}

const merged = "literals that the linker merges: what is left of them counts as made by the build";

function tileOfUnit(units: Units, unit: number, isInit: boolean): Tile {
  const region = units.plan.columns.region[unit]!;
  return {
    name: unitName(units, unit),
    kind: "unit",
    bytes: units.plan.columns.bytes[unit]!,
    children: [],
    unit,
    ...(region > 0 ? { region: region - 1 } : {}),
    ...(isInit ? { isInit } : {}),
  };
}

const ownerLabel = (owners: readonly string[]) => owners.join(" + ");

/** The group for what has owners, or is init; the same path for the same owners. */
function createGroupFor(): (owners: readonly string[], isInit: boolean) => readonly string[] {
  const [init, kernel] = [[groupNames.init], [groupNames.kernel]];
  const known = new Map<readonly string[], readonly string[]>();
  return (owners, isInit) => {
    if (isInit) return init;
    if (owners.length === 0) return kernel;
    let path = known.get(owners);
    if (path === undefined) {
      path = [groupNames.components, ownerLabel(owners)];
      known.set(owners, path);
    }
    return path;
  };
}

/** For a plan without a linked kernel: the units, which add up to the bytes of the inputs. */
function ledgerOfSections(units: Units): Ledger {
  const root = newNode("Sections of all objects");
  const place = placeUnits(root, units);
  const groupFor = createGroupFor();
  for (let unit = 0; unit < units.unitCount; unit++) {
    const owners = ownersOf(units, unit);
    const role = roleOf(units, unit);
    const isInit = role === "init" || role === "patch";
    place(groupFor(owners, isInit), unit, isInit);
  }
  return { root: finish(units, root), hidden: [] };
}

function ledgerOfImage(units: Units, image: PlanImage): Ledger {
  const { plan } = units;
  const { columns } = plan;
  const root = newNode("Image");
  const place = placeUnits(root, units);
  const groupFor = createGroupFor();
  const hidden = collectHidden();
  const sections = new Map(image.sections.map((section) => [section.name, section]));
  // Most names are longer than any of these: not looking them up saves a tenth of a second.
  const longest = Math.max(...image.sections.map(({ name }) => name.length));
  const isInImage = (name: string) => name.length <= longest && sections.has(name);
  /** Bytes of each section that are accounted for. */
  const known = new Map(image.sections.map(({ name }) => [name, 0]));
  const account = (section: string, bytes: number) => known.set(section, (known.get(section) ?? 0) + bytes);
  const sectionAt = (offset: number) =>
    image.sections.find((section) => offset >= section.offset && offset < section.offset + section.bytes);
  const addTile = (path: readonly string[], name: string, kind: TileKind, bytes: number, isInit = false) =>
    nodeAt(root, path).tiles.push({ name, kind, bytes, children: [], ...(isInit ? { isInit } : {}) });

  // The units of each section; those of regions are accounted for by the region's pages.
  const placed = new Map<string, number[]>();
  const ofRegion = plan.regions.map(() => 0);
  const isPlaced = plan.regions.map(({ name }) => image.regions.some((region) => region.name === name));
  for (let unit = 0; unit < units.unitCount; unit++) {
    const bytes = columns.bytes[unit]!;
    const region = columns.region[unit]! - 1;
    if (isPlaced[region]) {
      ofRegion[region]! += bytes;
      place(groupFor(ownersOf(units, unit), false), unit, false);
      continue;
    }
    if (units.merged.has(unit)) {
      hidden.add(merged, bytes);
      continue;
    }
    const kind: Kind = kindOf(units, unit);
    const section = placeSection(columns.section.at(unit)!, kind, roleOf(units, unit), isInImage);
    if (section === undefined || !sections.has(section)) {
      hidden.add("read by the build, not loaded", bytes);
      continue;
    }
    const inSection = placed.get(section) ?? [];
    placed.set(section, inSection);
    inSection.push(unit);
    account(section, bytes);
  }
  image.regions.forEach(({ name, offset, bytes }) => {
    const index = plan.regions.findIndex((region) => region.name === name);
    const section = sectionAt(offset);
    if (section !== undefined) account(section.name, bytes);
    const rest = bytes - (ofRegion[index] ?? 0);
    const label = ownerLabel(plan.regions[index]?.owners ?? []) || `region ${name}`;
    nodeAt(root, [groupNames.components, label]).tiles.push({
      name: "up to whole pages",
      kind: "rounding",
      bytes: rest,
      children: [],
      ...(index < 0 ? {} : { region: index }),
    });
  });
  for (const { symbol, offset, bytes } of image.gates) {
    addTile([groupNames.gates], symbol.replace("jettison_gate_", ""), "gate", bytes);
    const section = sectionAt(offset);
    if (section !== undefined) account(section.name, bytes);
  }
  for (const { offset, bytes } of image.padding) {
    const section = sectionAt(offset);
    addTile([groupNames.padding], `fill at +0x${offset.toString(16)}`, "padding", bytes);
    if (section !== undefined) account(section.name, bytes);
  }
  if (image.kallsyms !== undefined) {
    const section = sectionAt(image.kallsyms.offset);
    addTile([groupNames.tables], "kallsyms", "table", image.kallsyms.bytes);
    if (section !== undefined) account(section.name, image.kallsyms.bytes);
  }

  for (const section of image.sections) {
    const inside = placed.get(section.name) ?? [];
    const isInit = section.memory === "init";
    const rest = section.bytes - known.get(section.name)!;
    if (rest < 0) {
      // The link dropped some of its units, and nothing shows which.
      const bytes = sum(inside.map((unit) => columns.bytes[unit]!));
      for (const unit of inside)
        hidden.add(`in ${section.name}, of which the link dropped some`, columns.bytes[unit]!);
      addTile([isInit ? groupNames.init : groupNames.tables], section.name, "table", rest + bytes, isInit);
      continue;
    }
    for (const unit of inside) {
      const owners = ownersOf(units, unit);
      place(groupFor(owners, isInit), unit, isInit);
    }
    addRest(section, rest, inside.length > 0, addTile);
  }
  addGaps(image, addTile);
  return { root: finish(units, root), hidden: hidden.list() };
}

/** Bytes that no unit explains: a table of the build where there is none, else alignment and, in rodata, literals. */
function addRest(
  { name, memory }: ImageSection,
  bytes: number,
  hasUnits: boolean,
  addTile: (path: readonly string[], name: string, kind: TileKind, bytes: number, isInit?: boolean) => void,
): void {
  const isInit = memory === "init";
  if (!hasUnits) addTile([isInit ? groupNames.init : groupNames.tables], name, "table", bytes, isInit);
  else if (name === ".rodata") addTile([groupNames.tables], "merged literals, alignment", "table", bytes);
  else
    addTile(
      [isInit ? groupNames.init : groupNames.padding],
      `alignment in ${name}`,
      "padding",
      bytes,
      isInit,
    );
}

function addGaps(
  image: PlanImage,
  addTile: (path: readonly string[], name: string, kind: TileKind, bytes: number, isInit?: boolean) => void,
): void {
  let end = 0;
  for (const { name, offset, bytes } of [
    ...image.sections,
    { name: "_end", offset: image.bytes, bytes: 0 },
  ]) {
    if (offset > end)
      addTile([groupNames.gaps], `before ${name}`, "gap", offset - end, offset - end >= pageSize);
    end = Math.max(end, offset + bytes);
  }
}
