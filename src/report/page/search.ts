// SPDX-License-Identifier: Apache-2.0
import { type Units, unitName } from "../../model/units.js";

export interface Found {
  readonly units: readonly number[];
  readonly total: number;
}

const mostShown = 40;

/** Units whose name, section or object has the text in it: exact names first, then beginnings, then the rest. */
export function createSearch(units: Units): (text: string) => Found {
  const names: string[] = [];
  const objects = units.plan.columns.objects.map((object) => object.toLowerCase());
  return (text) => {
    const wanted = text.trim().toLowerCase();
    if (wanted === "") return { units: [], total: 0 };
    // Not before somebody searches: it takes a moment.
    if (names.length === 0)
      for (let unit = 0; unit < units.unitCount; unit++) names.push(unitName(units, unit).toLowerCase());
    const ranks: number[][] = [[], [], [], []];
    for (let unit = 0; unit < units.unitCount; unit++) {
      const at = names[unit]!.indexOf(wanted);
      if (at === 0) ranks[names[unit]!.length === wanted.length ? 0 : 1]!.push(unit);
      else if (at > 0) ranks[2]!.push(unit);
      else if (objects[units.object[unit]!]!.includes(wanted)) ranks[3]!.push(unit);
    }
    const all = ranks.flat();
    return { units: all.slice(0, mostShown), total: all.length };
  };
}
