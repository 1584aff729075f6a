// SPDX-License-Identifier: Apache-2.0
/**
 * The savings of a rebuild, object by object, compared with the memory that Jettison gives back of the same kernel.
 *
 * Options that remove a component remove other code too: without Xen PV the kernel has no paravirtual calls,
 * and every object that made some is smaller. So an object counts as the components' if the rebuild lacks it and the plan has units of
 * components in it; every other difference counts as elsewhere. Regions count with all of their
 * bytes, because a plain object has the same alignment between its functions.
 *
 * The two sums may cover different code. So the parts of the removed objects that do not leave are counted as well, in
 * Jettison's kernel, where each function has a section of its own.
 */

import { kinds } from "../elf/kind.js";
import type { Plan } from "../plan/plan.js";
import { sumValues } from "../sum.js";
import type { GainObject, Saving } from "./gain.js";
import { type Bytes, noBytes } from "./objectBytes.js";

const mostObjects = 12;

function add(to: Bytes, bytes: Bytes): void {
  for (const kind of kinds) to[kind] += bytes[kind];
}

function subtract(from: Bytes, bytes: Bytes): Bytes {
  const rest = { ...from };
  for (const kind of kinds) rest[kind] -= bytes[kind];
  return rest;
}

/** The largest first; of the same size by their names. */
const rank = (objects: readonly GainObject[]) =>
  objects
    .filter(({ bytes }) => bytes !== 0)
    .sort((a, b) => Math.abs(b.bytes) - Math.abs(a.bytes) || (a.object < b.object ? -1 : 1))
    .slice(0, mostObjects);

/** For every object its bytes in the regions that left. */
function weighUnits(plan: Plan, jettisoned: ReadonlySet<string>): ReadonlyMap<string, Bytes> {
  const left = new Set(regionsThatLeft(plan, jettisoned).map(({ name }) => name));
  const byObject = new Map<string, Bytes>();
  for (const { object, kind, bytes, region } of plan.units) {
    if (region === undefined || !left.has(region)) continue;
    const sums = byObject.get(object) ?? noBytes();
    sums[kind] += bytes;
    byObject.set(object, sums);
  }
  return byObject;
}

/** The objects of three kernels by their paths; the plan of Jettison's, and the components that left. */
export interface Kernels {
  readonly plain: ReadonlyMap<string, Bytes>;
  readonly rebuilt: ReadonlyMap<string, Bytes>;
  readonly own: ReadonlyMap<string, Bytes>;
  readonly plan: Plan;
  readonly jettisoned: ReadonlySet<string>;
}

export function compareObjects({ plain, rebuilt, own, plan, jettisoned }: Kernels): Omit<Saving, "build"> {
  const ofComponents = new Set(plan.units.map(({ object }) => object));
  const leftByObject = weighUnits(plan, jettisoned);
  const components = noBytes();
  const staying = noBytes();
  const elsewhere = noBytes();
  const pieces: GainObject[] = [];
  const others: GainObject[] = [];
  for (const object of new Set([...plain.keys(), ...rebuilt.keys()])) {
    const before = plain.get(object) ?? noBytes();
    const after = rebuilt.get(object) ?? noBytes();
    const isTheirs = !rebuilt.has(object) && ofComponents.has(object);
    const difference = subtract(before, after);
    add(isTheirs ? components : elsewhere, difference);
    if (isTheirs) {
      const rest = subtract(own.get(object) ?? noBytes(), leftByObject.get(object) ?? noBytes());
      add(staying, rest);
      pieces.push({ object, bytes: sumValues(rest) });
    } else others.push({ object, bytes: sumValues(difference) });
  }
  return { components, staying, largestStaying: rank(pieces), elsewhere, largest: rank(others) };
}

/** Those all of whose owners left the machine. */
const regionsThatLeft = (plan: Plan, jettisoned: ReadonlySet<string>) =>
  plan.regions.filter(({ owners }) => owners.every((owner) => jettisoned.has(owner)));

/** The bytes of the regions that left a machine. */
export function weighRegions(plan: Plan, jettisoned: ReadonlySet<string>): Bytes {
  const bytes = noBytes();
  for (const region of regionsThatLeft(plan, jettisoned)) bytes[region.kind] += region.bytes;
  return bytes;
}
