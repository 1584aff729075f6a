// SPDX-License-Identifier: Apache-2.0
/** A group of the map as text: its path, and a table of its contents. */
import { fates } from "../../model/fates.js";
import { type Child, h } from "./dom.js";
import type { FateSums, FlatMap } from "./flat.js";
import { share, size } from "./format.js";
import { makeTable } from "./table.js";
import { isGroup } from "./treemap.js";

type Open = (node: number) => void;

function makeButton({ tiles }: FlatMap, node: number, open: Open): HTMLElement {
  return h("button", { type: "button", class: "link", click: () => open(node) }, tiles[node]!.name);
}

/** From the whole to the group. */
export function makePath(map: FlatMap, group: number, open: Open): HTMLElement[] {
  const path: number[] = [];
  for (let node = map.parent[group]!; node >= 0; node = map.parent[node]!) path.unshift(node);
  return [
    ...path.map((node) => h("li", {}, makeButton(map, node, open))),
    h("li", {}, h("span", { "aria-current": "true" }, map.tiles[group]!.name)),
  ];
}

export function makeContents(
  map: FlatMap,
  sums: FateSums,
  group: number,
  link: (unit: number) => Child,
  open: Open,
): HTMLElement {
  const { name, bytes } = map.tiles[group]!;
  const first = map.firstChild[group]!;
  const children = Array.from({ length: map.childCount[group]! }, (_, index) => first + index);
  const freed = (node: number) => sums.sums[node * fates.length + fates.indexOf("freed")]!;
  const part = (node: number): Child => {
    const tile = map.tiles[node]!;
    const key = h("span", { class: `key ${fates[sums.most[node]!]!}`, "aria-hidden": "true" });
    if (tile.unit !== undefined) return h("span", {}, key, link(tile.unit));
    return h("span", {}, key, isGroup(tile) ? makeButton(map, node, open) : tile.name);
  };
  return makeTable({
    caption: `Contents of ${name}`,
    columns: [
      { title: "Part" },
      { title: "Size", isNumber: true },
      { title: "Share", isNumber: true },
      { title: "Freed here", isNumber: true },
    ],
    rows: children.map((node) => [
      part(node),
      size(map.tiles[node]!.bytes),
      share(map.tiles[node]!.bytes, bytes),
      size(freed(node)),
    ]),
    most: 15,
    foot: ["Sum", size(bytes), "100%", size(freed(group))],
  });
}
