// SPDX-License-Identifier: Apache-2.0

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Adds up the values of an object: bytes by kind of memory. */
export const sumValues = (counts: Readonly<Partial<Record<string, number>>>) =>
  sum(Object.values(counts).map((count) => count ?? 0));
