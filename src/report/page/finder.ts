// SPDX-License-Identifier: Apache-2.0
import { objectOf, type Units } from "../../model/units.js";
import { byId, type Child, h } from "./dom.js";
import { count, size } from "./format.js";
import { createSearch, type Found } from "./search.js";

/** Milliseconds after a key until its list is made. */
const pause = 80;

/** The field to search in, and what it finds. */
export function startFinder(
  units: Units,
  link: (unit: number) => Child,
  choose: (unit: number) => void,
): void {
  const search = createSearch(units);
  const input = byId("search", HTMLInputElement);
  let waiting = 0;
  const item = (unit: number) => {
    const note = `${objectOf(units, unit)}, ${size(units.plan.columns.bytes[unit]!)}`;
    return h("li", {}, link(unit), h("small", {}, note));
  };
  function find(): Found {
    const found = search(input.value);
    byId("found", HTMLElement).replaceChildren(...found.units.map(item));
    byId("found-count", HTMLElement).replaceChildren(input.value.trim() === "" ? "" : describe(found));
    return found;
  }
  input.addEventListener("input", () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(find, pause);
  });
  byId("search-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const [first] = find().units;
    if (first !== undefined) choose(first);
  });
  find();
}

function describe({ units, total }: Found): string {
  if (total === 0) return "No name matches.";
  const all = `${count(total)} found`;
  return total > units.length ? `${all}, the first ${units.length} are listed.` : `${all}.`;
}
