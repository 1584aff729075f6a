// SPDX-License-Identifier: Apache-2.0
import type { Claims } from "../3-component/claim.js";
import type { Ownership } from "../5-ownership/owners.js";
import type { Boundary } from "./boundary.js";

/** Built-in modules that anything but their own init code refers to: their gates would have no answers. */
export function findUnfit(
  { components }: Claims,
  { sets, ownersByUnit }: Ownership,
  { gates, refusals }: Boundary,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const add = (index: number, why: string) => {
    const { title, automatic } = components[index]!;
    if (automatic !== undefined && !found.has(title)) found.set(title, why);
  };
  for (const { unit, target } of gates)
    for (const index of sets.members(ownersByUnit[unit]!))
      add(index, `${target.name}() is called from outside`);
  for (const { component, reason, unanswered } of refusals)
    add(component, unanswered.length > 0 ? `${unanswered[0]}() is called from outside` : reason);
  return found;
}
