// SPDX-License-Identifier: Apache-2.0

import type { Packing } from "../3-component/packing.js";
import type { Kind } from "../elf/kind.js";

/** Less than an eighth of a page is not worth a page of its own where the component stays. */
export const leastBytes = 512;

/** The bound that a packing gives a region, else the usual one. */
export function leastBytesOf({ stay, leave }: Packing, indexByName: ReadonlyMap<string, number>) {
  const keyOf = (kind: Kind, components: readonly number[]) =>
    `${kind} ${[...components].sort((a, b) => a - b)}`;
  const keys = (list: Packing["stay"]) =>
    list.map(({ kind, of }) =>
      keyOf(
        kind,
        of.map((name) => indexByName.get(name) ?? -1),
      ),
    );
  const least = new Map([
    ...keys(stay).map((key) => [key, Number.POSITIVE_INFINITY] as const),
    ...keys(leave).map((key) => [key, 1] as const),
  ]);
  return (kind: Kind, components: readonly number[]) => least.get(keyOf(kind, components)) ?? leastBytes;
}
