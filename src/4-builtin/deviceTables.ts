// SPDX-License-Identifier: Apache-2.0
/**
 * The devices that a built-in driver serves, as patterns of modaliases. `MODULE_DEVICE_TABLE()` leaves nothing in a driver
 * that is built in (before Linux 6.18), so the tables are read where the driver core reads them: through the structure that
 * the driver registers. If one table of a driver cannot be read, the driver has no patterns: it may serve anything.
 */

import {
  describeEdge,
  type Graph,
  objectOf,
  type Reference,
  sectionOf,
  type UnitId,
} from "../1-graph/graph.js";
import { sectionType } from "../elf/format.js";
import { symbolName } from "../elf/object.js";
import { relocationType } from "../x86/x86.js";
import type { AutomaticModule } from "./classify.js";

interface Table {
  /** The structure's pointer to its table. */
  readonly pointer: number;
  readonly entryBytes: number;
  /** The patterns of an entry, by its fields of 32 bits. */
  readonly read: (field: (offset: number) => number) => readonly string[] | "end" | "unreadable";
}

const anyId = 0xffff_ffff;
const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, "0");
/** add_wildcard() there: a later kernel may add fields for a device. */
const open = (pattern: string) => pattern.replace(/\*?$/, "*");
const id = (value: number) => (value === anyId ? "*" : hex(value, 8));

/** By the function that registers the driver: struct pci_driver in include/linux/pci.h, virtio_driver in virtio.h. */
const tables: ReadonlyMap<string, Table> = new Map([
  ["__pci_register_driver", { pointer: 8, entryBytes: 40, read: readPci }],
  ["__register_virtio_driver", { pointer: 144, entryBytes: 8, read: readVirtio }],
]);

/** struct pci_device_id; the form of the pattern is that of do_pci_entry() in scripts/mod/file2alias.c */
function readPci(field: (offset: number) => number): readonly string[] | "end" | "unreadable" {
  const [vendor, device, subvendor, subdevice] = [field(0), field(4), field(8), field(12)];
  const [kind, mask] = [field(16), field(20)];
  if (vendor === 0 && subvendor === 0 && mask === 0) return "end";
  // Only for devices that user space has named the driver for: PCI_ID_F_VFIO_DRIVER_OVERRIDE.
  if (field(32) !== 0) return [];
  const masks = [16, 8, 0].map((shift) => (mask >>> shift) & 0xff);
  if (mask > 0xff_ffff || masks.some((one) => one !== 0 && one !== 0xff)) return "unreadable";
  const [base, sub, programming] = masks.map((one, at) =>
    one === 0 ? "*" : hex((kind >>> (16 - 8 * at)) & 0xff, 2),
  );
  const ids = `v${id(vendor)}d${id(device)}sv${id(subvendor)}sd${id(subdevice)}`;
  return [open(`pci:${ids}bc${base}sc${sub}i${programming}`)];
}

/**
 * struct virtio_device_id. A virtio device is a device of its own only once a driver has its transport; the PCI function
 * that it lies behind is there before: 1af4:1040 and its number, or an older one, with the number as its subsystem.
 */
function readVirtio(field: (offset: number) => number): readonly string[] | "end" {
  const [device, vendor] = [field(0), field(4)];
  if (device === 0) return "end";
  const pci = (of: string) => `pci:v00001AF4d${of}`;
  return [
    open(`virtio:d${id(device)}v${id(vendor)}`),
    device === anyId ? pci("000010*") : pci(`${hex(0x1040 + device, 8)}sv*`),
    ...(device === anyId ? [] : [pci(`000010[0-3]*sv*sd${hex(device, 8)}*`)]),
  ];
}

/** Sorted; undefined where one of its drivers is of another bus, or a table is not where it is expected. */
export function findModaliases(
  graph: Graph,
  { module, registrars, init }: AutomaticModule,
): readonly string[] | undefined {
  const drivers = registrars.filter((one) => one.class === "driver");
  const table = drivers.length === 1 ? tables.get(drivers[0]!.names) : undefined;
  if (table === undefined) return undefined;
  const own = new Set(module.objects);
  const calls = (edges: Iterable<Reference>) =>
    [...edges].filter((one) => symbolName(objectOf(graph, one.from), one.symbol) === drivers[0]!.names)
      .length;
  const initEdges = edgesOf(graph, init.unit).filter(
    ({ offset }) => offset >= init.start && offset < init.end,
  );
  const pointers = initEdges.flatMap(({ to, targetOffset }) => {
    if (to < 0 || !own.has(graph.unitObject[to]!)) return [];
    const field = targetOffset + table.pointer;
    return edgesOf(graph, to).filter(({ type, offset }) => offset === field && type === relocationType.r64);
  });
  // As many drivers as calls, all of them in the initcall itself: otherwise one was missed, or something else taken for one.
  const everywhere = [...graph.unitObject.keys()].filter((unit) => own.has(graph.unitObject[unit]!));
  const count = calls(initEdges);
  if (pointers.length !== count || calls(everywhere.flatMap((unit) => edgesOf(graph, unit))) !== count)
    return undefined;
  const patterns = pointers.map(({ to, targetOffset }) =>
    to >= 0 && own.has(graph.unitObject[to]!) ? readTable(graph, to, targetOffset, table) : undefined,
  );
  return patterns.includes(undefined) ? undefined : [...new Set(patterns.flatMap((some) => some!))].sort();
}

function edgesOf(graph: Graph, unit: UnitId): Reference[] {
  const edges: Reference[] = [];
  for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++)
    edges.push(describeEdge(graph, edge));
  return edges;
}

/** undefined: it has no end, or an entry that no pattern can express. */
function readTable(graph: Graph, unit: UnitId, start: number, table: Table): readonly string[] | undefined {
  const { view } = objectOf(graph, unit);
  const { type, offset: base, size } = sectionOf(graph, unit);
  const patterns: string[] = [];
  if (type === sectionType.nobits || start < 0) return undefined;
  for (let at = start; at + table.entryBytes <= size; at += table.entryBytes) {
    const entry = table.read((offset) => view.getUint32(base + at + offset, true));
    if (entry === "end") return patterns;
    if (entry === "unreadable") return undefined;
    patterns.push(...entry);
  }
  return undefined;
}
