// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, test } from "vitest";
import { nearest } from "../../../src/3-component/nearest.js";

test("a slip finds what was meant, nearest first", () => {
  expect(nearest("listNotEmtpy", ["nonZero", "listNotEmpty", "calls"])).toEqual(["listNotEmpty"]);
  expect(nearest("iommu_off", ["iommu_on", "iommu_off2", "iommu_of"])).toEqual([
    "iommu_of",
    "iommu_off2",
    "iommu_on",
  ]);
  expect(nearest("abcd", ["abce", "abcf", "abcg", "abch"], 2)).toEqual(["abce", "abcf"]);
});

test("another name is not offered", () => {
  expect(nearest("amd_iommu_list", ["dmar_drhd_units", "jiffies"])).toEqual([]);
});

/** Edit distance with swaps of neighbours, written as it is defined. */
function distance(a: string, b: string): number {
  const known = new Map<string, number>();
  const from = (i: number, j: number): number => {
    if (i === 0 || j === 0) return i + j;
    const key = `${i} ${j}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const same = a[i - 1] === b[j - 1];
    let least = Math.min(from(i - 1, j) + 1, from(i, j - 1) + 1, from(i - 1, j - 1) + (same ? 0 : 1));
    if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
      least = Math.min(least, from(i - 2, j - 2) + 1);
    known.set(key, least);
    return least;
  };
  return from(a.length, b.length);
}

test("it offers what measuring every name would", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(word, fc.uniqueArray(word, { maxLength: 12 }), (name, names) => {
      const far = Math.max(2, Math.floor(name.length / 3));
      const all = names
        .map((one) => ({ one, far: distance(name, one) }))
        .filter((one) => one.far <= far)
        .sort((a, b) => a.far - b.far || (a.one < b.one ? -1 : 1));
      expect(nearest(name, names)).toEqual(all.slice(0, 3).map(({ one }) => one));
    }),
  );
});

test("60,000 names take no time worth telling", () => {
  const names = Array.from({ length: 60_000 }, (_, index) => `intel_iommu_function_number_${index * 7919}`);
  const start = performance.now();
  expect(nearest("intel_iommu_function_nubmer_7919", names)[0]).toBe("intel_iommu_function_number_7919");
  expect(performance.now() - start).toBeLessThan(5000);
});
