// SPDX-License-Identifier: Apache-2.0
/**
 * What a rebuild saves, object by object, against what Jettison gives back of the same kernel.
 *
 * Options that take a component out take other things out too: without Xen PV the kernel has no paravirtual calls,
 * and every object that made some is smaller. So an object that is gone and of which the plan knows units of
 * components counts as theirs, and every other difference counts as elsewhere. Regions count with all of their
 * bytes: between the functions of a plain object there is the same alignment.
 */
import type { Kind } from "../catalogue/sections.js";
import type { Plan } from "../plan/plan.js";
import type { Saving } from "./gain.js";
import { type Bytes, noBytes } from "./objectBytes.js";

const kinds: readonly Kind[] = ["text", "rodata", "data", "bss"];

const mostObjects = 12;

const sum = (bytes: Bytes) => kinds.reduce((total, kind) => total + bytes[kind], 0);

export function compareObjects(
  plain: ReadonlyMap<string, Bytes>,
  rebuilt: ReadonlyMap<string, Bytes>,
  plan: Plan,
): Omit<Saving, "build"> {
  const ofComponents = new Set(plan.units.map(({ object }) => object));
  const components = noBytes();
  const elsewhere = noBytes();
  const others: { object: string; bytes: number }[] = [];
  for (const object of new Set([...plain.keys(), ...rebuilt.keys()])) {
    const before = plain.get(object) ?? noBytes();
    const after = rebuilt.get(object) ?? noBytes();
    const isTheirs = !rebuilt.has(object) && ofComponents.has(object);
    const difference = noBytes();
    for (const kind of kinds) {
      difference[kind] = before[kind] - after[kind];
      (isTheirs ? components : elsewhere)[kind] += difference[kind];
    }
    if (!isTheirs) others.push({ object, bytes: sum(difference) });
  }
  const largest = others
    .filter(({ bytes }) => bytes !== 0)
    .sort((a, b) => Math.abs(b.bytes) - Math.abs(a.bytes) || (a.object < b.object ? -1 : 1))
    .slice(0, mostObjects);
  return { components, elsewhere, largest };
}

/** The bytes of the regions that left a machine: those all of whose owners did. */
export function weighRegions(plan: Plan, jettisoned: ReadonlySet<string>): Bytes {
  const bytes = noBytes();
  for (const region of plan.regions)
    if (region.owners.every((owner) => jettisoned.has(owner))) bytes[region.kind] += region.bytes;
  return bytes;
}
