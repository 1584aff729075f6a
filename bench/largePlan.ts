// SPDX-License-Identifier: Apache-2.0
import type { Plan } from "../src/plan/plan.js";

/** Numbers from 0 up to `limit`, the same ones at each run (a linear congruential generator, Knuth's constants). */
function createRandom(): (limit: number) => number {
  let state = 1n;
  return (limit) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return Number((state >> 33n) % BigInt(limit));
  };
}

const pageSize = 4096;

/** A kernel of many units, in the shape of a real one: 35 units an object, four references a unit, 300 components' units. */
export function makeLargePlan(unitCount: number): Plan {
  const random = createRandom();
  const folders = ["drivers", "net", "fs", "kernel", "mm", "lib", "sound", "arch/x86"];
  const objectCount = Math.ceil(unitCount / 35);
  const objects = Array.from(
    { length: objectCount },
    (_, object) =>
      `${folders[object % folders.length]}/group${Math.floor(object / 200)}/part${Math.floor(object / 20) % 10}/file${object}.o`,
  );
  const unitsOf = objects.map((_, object) =>
    object === objectCount - 1 ? unitCount - 35 * (objectCount - 1) : 35,
  );
  const each = <Value>(value: (unit: number) => Value) =>
    Array.from({ length: unitCount }, (_, unit) => value(unit));
  const isOwned = (unit: number) => unit < 300;
  const kind = each((unit) => (isOwned(unit) ? 0 : [0, 0, 0, 1, 2, 3][unit % 6]!));
  const bytes = each(() => 8 + random(600));
  const referencesOf = each(() => random(9));
  const referenceCount = referencesOf.reduce((sum, count) => sum + count, 0);
  const sumOf = (wanted: number) =>
    bytes.reduce((sum, size, unit) => (kind[unit] === wanted && !isOwned(unit) ? sum + size : sum), 0);
  const owned = bytes.slice(0, 300).reduce((sum, size) => sum + size, 0);
  const pages = Math.ceil(owned / pageSize);
  const kinds = ["text", "rodata", "data", "bss"] as const;
  const totals = { text: sumOf(0) + owned, rodata: sumOf(1), data: sumOf(2), bss: sumOf(3) };

  let offset = 0;
  const sections = kinds.map((name, index) => {
    const section = {
      name: `.${name}`,
      offset,
      bytes: sumOf(index) + (index === 0 ? pages * pageSize : 0),
      memory: name,
    };
    offset = Math.ceil((offset + section.bytes) / pageSize) * pageSize;
    return section;
  });
  const region = {
    name: "00",
    kind: "text" as const,
    owners: ["component"],
    bytes: owned,
    pages,
    units: 300,
  };
  return {
    version: 1,
    components: [
      {
        name: "component",
        title: "A component",
        state: "planned",
        canAppear: "never",
        after: [],
        needs: [],
        hasPadding: false,
        owned: { text: owned },
        leaving: { text: owned },
        gates: 0,
      },
    ],
    regions: [region],
    gates: [],
    pins: [],
    refusals: [],
    exports: [],
    tooSmall: [],
    units: [],
    columns: {
      objects,
      unitsOf,
      kinds: [...kinds],
      roles: ["plain"],
      ownerSets: [[], ["component"]],
      referenceKinds: ["branch", "address", "data"],
      section: each((unit) => `.${kinds[kind[unit]!]}.some_function_or_object_${unit}`),
      bytes,
      kind,
      role: each(() => 0),
      owners: each((unit) => (isOwned(unit) ? 1 : 0)),
      region: each((unit) => (isOwned(unit) ? 1 : 0)),
      referencesOf,
      merged: [],
      to: Array.from({ length: referenceCount }, () => random(unitCount)),
      how: Array.from({ length: referenceCount }, () => random(3)),
    },
    image: {
      address: "0xffffffff81000000",
      bytes: offset,
      sections,
      regions: [{ name: "00", offset: 0, bytes: pages * pageSize }],
      gates: [],
      padding: [],
      leavingPadding: [],
      kernelFrees: [],
    },
    totals: { objects: objectCount, units: unitCount, bytes: totals, references: { branch: referenceCount } },
  };
}
