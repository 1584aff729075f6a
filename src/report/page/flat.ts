// SPDX-License-Identifier: Apache-2.0
/**
 * The treemap of a ledger in columns: 200,000 tiles are laid out once and drawn sixty times a second. Nodes are
 * numbered breadth first, so the children of a node stand together.
 */
import { hierarchy, treemap, treemapSquarify } from "d3-hierarchy";
import { type Fates, fates } from "../model/fates.js";
import type { Tile } from "../model/ledger.js";

export interface FlatMap {
  readonly tiles: readonly Tile[];
  readonly parent: Int32Array;
  readonly firstChild: Uint32Array;
  readonly childCount: Uint32Array;
  readonly depth: Uint8Array;
  /** How many leaves a node has; 1 for a leaf. */
  readonly leaves: Uint32Array;
  /** In a map of width 1 and the height given. */
  readonly x0: Float64Array;
  readonly y0: Float64Array;
  readonly x1: Float64Array;
  readonly y1: Float64Array;
  readonly height: number;
}

/** Areas are true to bytes: no padding between tiles, no rounding to pixels. */
export function layOut(root: Tile, height: number): FlatMap {
  const tree = hierarchy(root, ({ children }) => children).sum((tile) =>
    tile.children.length === 0 ? tile.bytes : 0,
  );
  const laid = treemap<Tile>().tile(treemapSquarify.ratio(1.3)).size([1, height])(tree);
  const nodes = [...laid];
  const size = nodes.length;
  const map: FlatMap = {
    tiles: nodes.map(({ data }) => data),
    parent: new Int32Array(size).fill(-1),
    firstChild: new Uint32Array(size),
    childCount: new Uint32Array(size),
    depth: new Uint8Array(size),
    leaves: new Uint32Array(size),
    x0: new Float64Array(size),
    y0: new Float64Array(size),
    x1: new Float64Array(size),
    y1: new Float64Array(size),
    height,
  };
  // Breadth first, the children of a node come right after those of the node before it.
  let next = 1;
  nodes.forEach((node, index) => {
    map.x0[index] = node.x0;
    map.y0[index] = node.y0;
    map.x1[index] = node.x1;
    map.y1[index] = node.y1;
    map.depth[index] = node.depth;
    const count = node.children?.length ?? 0;
    map.firstChild[index] = next;
    map.childCount[index] = count;
    map.parent.fill(index, next, next + count);
    next += count;
  });
  for (let index = size - 1; index >= 0; index--) {
    if (map.childCount[index] === 0) map.leaves[index] = 1;
    if (index > 0) map.leaves[map.parent[index]!]! += map.leaves[index]!;
  }
  return map;
}

/** For each node the fate that most of its bytes have, as an index into `fates`, and the bytes of each fate. */
export interface FateSums {
  readonly most: Uint8Array;
  /** Of node n and fate f: sums[n * fates.length + f]. */
  readonly sums: Float64Array;
}

export function sumFates({ tiles, parent, childCount }: FlatMap, { ofTile }: Fates): FateSums {
  const wide = fates.length;
  const sums = new Float64Array(tiles.length * wide);
  const most = new Uint8Array(tiles.length);
  const numberOf = new Map(fates.map((fate, index) => [fate, index]));
  for (let index = tiles.length - 1; index >= 0; index--) {
    if (childCount[index] === 0)
      sums[index * wide + numberOf.get(ofTile(tiles[index]!))!] = tiles[index]!.bytes;
    let best = 0;
    for (let fate = 0; fate < wide; fate++) {
      const bytes = sums[index * wide + fate]!;
      if (bytes > sums[index * wide + best]!) best = fate;
      if (index > 0) sums[parent[index]! * wide + fate]! += bytes;
    }
    most[index] = best;
  }
  return { most, sums };
}
