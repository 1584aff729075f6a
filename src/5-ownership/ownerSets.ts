// SPDX-License-Identifier: Apache-2.0
/**
 * Sets of components as small numbers. 0 is the empty set, which means resident; equal sets have equal numbers.
 */
export type OwnerSet = number;
export const resident: OwnerSet = 0;

export interface OwnerSets {
  single(component: number): OwnerSet;
  union(a: OwnerSet, b: OwnerSet): OwnerSet;
  isSubset(a: OwnerSet, b: OwnerSet): boolean;
  /** The components of a set, in ascending order. */
  members(set: OwnerSet): readonly number[];
}

export function createOwnerSets(): OwnerSets {
  const sets: number[][] = [[]];
  const numberByKey = new Map<string, OwnerSet>([["", resident]]);
  const unions = new Map<number, OwnerSet>();
  const intern = (members: number[]): OwnerSet => {
    const key = members.join();
    const known = numberByKey.get(key);
    if (known !== undefined) return known;
    numberByKey.set(key, sets.length);
    sets.push(members);
    return sets.length - 1;
  };
  return {
    single: (component) => intern([component]),
    union(a, b) {
      if (a === b) return a;
      const key = a * 0x100000 + b;
      const known = unions.get(key);
      if (known !== undefined) return known;
      const set = intern([...new Set([...sets[a]!, ...sets[b]!])].sort((x, y) => x - y));
      unions.set(key, set);
      return set;
    },
    isSubset: (a, b) => a === b || sets[a]!.every((member) => sets[b]!.includes(member)),
    members: (set) => sets[set]!,
  };
}
