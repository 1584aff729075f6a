// SPDX-License-Identifier: Apache-2.0
/**
 * The treemap of a ledger in columns: a map that is drawn sixty times a second is read from arrays. It is laid out down to
 * objects; the functions of an object get their places when they are first shown, because most never are.
 *
 * The children of a node are adjacent, and come after it.
 */
import { type HierarchyNode, hierarchy, treemap, treemapSquarify } from "d3-hierarchy";
import { type Fates, fates } from "../../model/fates.js";
import type { Tile } from "../../model/ledger.js";

export interface FlatMap {
  /** One a node: there are as many nodes as these. */
  readonly tiles: Tile[];
  readonly parent: Int32Array;
  readonly firstChild: Uint32Array;
  /** 0 too for an object that has not been opened. */
  readonly childCount: Uint32Array;
  readonly depth: Uint8Array;
  /** How many leaves a node has, opened or not; 1 for a leaf. */
  readonly leaves: Uint32Array;
  /** In a map of width 1 and the height given. */
  readonly x0: Float64Array;
  readonly y0: Float64Array;
  readonly x1: Float64Array;
  readonly y1: Float64Array;
  readonly height: number;
}

const isObject = ({ units }: Tile) => units !== undefined;
/** A tile that takes the place of its bytes itself. */
const isPlaced = (tile: Tile) => isObject(tile) || tile.children.length === 0;
const countLeaves = ({ units }: Tile) => units?.length ?? 1;

/** Areas are true to bytes: no padding between tiles, no rounding to pixels. */
function place(root: Tile, childrenOf: (tile: Tile) => readonly Tile[], width: number, height: number) {
  const tree: HierarchyNode<Tile> = hierarchy(root, childrenOf).sum((tile) =>
    childrenOf(tile).length === 0 ? tile.bytes : 0,
  );
  return treemap<Tile>().tile(treemapSquarify.ratio(1.3)).size([width, height])(tree);
}

export function layOut(root: Tile, height: number): FlatMap {
  // Breadth first, the children of a node come right after those of the node before it.
  const nodes = [...place(root, (tile) => (isPlaced(tile) ? [] : tile.children), 1, height)];
  const room = nodes.reduce((sum, { data }) => sum + (isObject(data) ? countLeaves(data) : 0), nodes.length);
  const map: FlatMap = {
    tiles: nodes.map(({ data }) => data),
    parent: new Int32Array(room).fill(-1),
    firstChild: new Uint32Array(room),
    childCount: new Uint32Array(room),
    depth: new Uint8Array(room),
    leaves: new Uint32Array(room),
    x0: new Float64Array(room),
    y0: new Float64Array(room),
    x1: new Float64Array(room),
    y1: new Float64Array(room),
    height,
  };
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
  for (let index = nodes.length - 1; index >= 0; index--) {
    if (map.childCount[index] === 0) map.leaves[index] = countLeaves(map.tiles[index]!);
    if (index > 0) map.leaves[map.parent[index]!]! += map.leaves[index]!;
  }
  return map;
}

export const isClosed = ({ tiles, childCount }: FlatMap, node: number) =>
  childCount[node] === 0 && isObject(tiles[node]!);

/** Gives the functions of an object their places. */
export function openObject(map: FlatMap, node: number): void {
  if (!isClosed(map, node)) return;
  const tile = map.tiles[node]!;
  const [x0, y0] = [map.x0[node]!, map.y0[node]!];
  const { children = [] } = place(
    tile,
    (one) => (one === tile ? tile.children : []),
    map.x1[node]! - x0,
    map.y1[node]! - y0,
  );
  map.firstChild[node] = map.tiles.length;
  map.childCount[node] = children.length;
  for (const child of children) {
    const index = map.tiles.push(child.data) - 1;
    map.x0[index] = x0 + child.x0;
    map.y0[index] = y0 + child.y0;
    map.x1[index] = x0 + child.x1;
    map.y1[index] = y0 + child.y1;
    map.depth[index] = map.depth[node]! + 1;
    map.parent[index] = node;
    map.leaves[index] = 1;
  }
}

/** For each node the fate that most of its bytes have, as an index into `fates`, and the bytes of each fate. */
export interface FateSums {
  readonly most: Uint8Array;
  /** The sum for node n and fate f is sums[n * fates.length + f]. */
  readonly sums: Float64Array;
}

const wide = fates.length;
const numberOf = Object.fromEntries(fates.map((fate, index) => [fate, index])) as Record<
  (typeof fates)[number],
  number
>;

export function sumFates(map: FlatMap, decided: Fates, bytesOf: ArrayLike<number>): FateSums {
  const { parent, tiles } = map;
  const room = parent.length;
  const of: FateSums = { most: new Uint8Array(room), sums: new Float64Array(room * wide) };
  // The functions of objects, which stand at the end, are counted with their objects.
  for (let node = tiles.length - 1; node >= 0; node--) {
    const isFunction = node > 0 && isObject(tiles[parent[node]!]!);
    sumNode(of, node, tiles[node]!, decided, bytesOf);
    if (node === 0 || isFunction) continue;
    for (let fate = 0; fate < wide; fate++)
      of.sums[parent[node]! * wide + fate]! += of.sums[node * wide + fate]!;
  }
  return of;
}

/** Adds nodes that `openObject` has made to sums that were made before. */
export function sumChildren(of: FateSums, map: FlatMap, node: number, decided: Fates): void {
  const first = map.firstChild[node]!;
  for (let child = first; child < first + map.childCount[node]!; child++)
    sumNode(of, child, map.tiles[child]!, decided, []);
}

function sumNode(
  { sums, most }: FateSums,
  node: number,
  tile: Tile,
  decided: Fates,
  bytesOf: ArrayLike<number>,
): void {
  const at = node * wide;
  if (tile.units === undefined) {
    if (tile.children.length === 0) sums[at + numberOf[decided.ofTile(tile)]] = tile.bytes;
  } else if (tile.isInit) sums[at + numberOf.boot] = tile.bytes;
  else for (const unit of tile.units) sums[at + numberOf[decided.ofUnit(unit)]]! += bytesOf[unit]!;
  let best = 0;
  for (let fate = 1; fate < wide; fate++) if (sums[at + fate]! > sums[at + best]!) best = fate;
  most[node] = best;
}
