// SPDX-License-Identifier: Apache-2.0
/**
 * The names most like one that was not found. Asked for a few misses among as many as 60,000 symbols, so a name
 * is given up as soon as it cannot be closer than what is already known.
 */

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`, or `limit + 1`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let twoAbove: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, twoAbove[j - 2]! + 1);
      row.push(cost);
      least = Math.min(least, cost);
    }
    // A swap reaches two rows back, so both have to be past the limit before nothing better can come.
    if (least > limit && Math.min(...above) > limit) return limit + 1;
    twoAbove = above;
    above = row;
  }
  return above[b.length]!;
}

/**
 * At most `n` of `names`, nearest first, equally near ones by name. Nothing further away than a third of the
 * name is offered: that is another name, not a slip.
 */
export function nearest(name: string, names: Iterable<string>, n = 3): string[] {
  let limit = Math.max(2, Math.floor(name.length / 3));
  const wanted = name.toLowerCase();
  const found: { name: string; distance: number }[] = [];
  for (const candidate of new Set(names)) {
    const distance = editDistance(wanted, candidate.toLowerCase(), limit);
    if (distance > limit) continue;
    found.push({ name: candidate, distance });
    found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
    if (found.length > n) found.pop();
    if (found.length === n) limit = found[n - 1]!.distance;
  }
  return found.map((one) => one.name);
}
