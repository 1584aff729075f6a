// SPDX-License-Identifier: Apache-2.0

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Of all that an object counts, by whatever: bytes by kind of memory. */
export const sumValues = (counts: Readonly<Partial<Record<string, number>>>) =>
  sum(Object.values(counts).map((count) => count ?? 0));
