// SPDX-License-Identifier: Apache-2.0
/** Draws the treemap and handles movement in it: wheel with Ctrl, two fingers, buttons, keys, double click. */
import { select } from "d3-selection";
import { type D3ZoomEvent, type ZoomTransform, zoom, zoomIdentity } from "d3-zoom";
import { fates } from "../../model/fates.js";
import type { Tile } from "../../model/ledger.js";
import { isStill } from "./dom.js";
import { type FateSums, type FlatMap, isClosed } from "./flat.js";
import { type Palette, readPalette } from "./palette.js";
import { createRaster, type Raster } from "./raster.js";

export interface Hidden {
  /** Leaves that are drawn as a part of their group, as they are too small here, of all that are in view. */
  readonly tiles: number;
  readonly bytes: number;
  readonly inView: number;
}

export interface TreemapOptions {
  onSelect(node: number): void;
  /** undefined: the pointer left. */
  onHover(node: number | undefined, x: number, y: number): void;
  onDraw(hidden: Hidden): void;
  /** Asked for the functions of an object, which can now be seen. */
  onOpen(node: number): void;
}

export interface Treemap {
  show(map: FlatMap, sums: FateSums): void;
  recolour(sums: FateSums): void;
  select(node: number | undefined): void;
  /** Moves so that a node fills the view. */
  focus(node: number): void;
  zoomBy(factor: number): void;
  redraw(): void;
  readonly canvas: HTMLCanvasElement;
}

/** Smaller than so many square pixels of the screen, a group is drawn as one. */
const leastArea = 6;
/** An object whose functions would be too small for the most part is drawn as one, unless one of them is so large. */
const notableArea = 50;
const mostZoom = 4000;
const font = "12px system-ui, sans-serif";
const boldFont = "600 12px system-ui, sans-serif";
const lineHeight = 16;
/** Names of units in one view: more cannot be read, and each takes its time. */
const mostNames = 400;

interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

interface Label extends Box {
  readonly text: string;
  readonly ink: string;
  /** A group's name stands on a ground of its own. */
  readonly isGroup: boolean;
}

export function createTreemap(canvas: HTMLCanvasElement, options: TreemapOptions): Treemap {
  const context = canvas.getContext("2d", { alpha: false })!;
  let map: FlatMap | undefined;
  let sums: FateSums | undefined;
  let palette: Palette = readPalette();
  let transform: ZoomTransform = zoomIdentity;
  let selected: number | undefined;
  let frame = 0;
  /** Sizes of the canvas, in pixels of the page; reading them from the document at each tile would take seconds. */
  let width = 1;
  let height = 1;
  let ratio = 1;
  let raster: Raster = createRaster(1, 1, 1);
  let labels: Label[] = [];
  let names = 0;
  let hidden = { tiles: 0, bytes: 0, inView: 0 };

  const redraw = () => {
    if (frame === 0) frame = requestAnimationFrame(draw);
  };

  function measure(): void {
    width = Math.max(1, canvas.clientWidth);
    height = Math.max(1, canvas.clientHeight);
    ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    raster = createRaster(canvas.width, canvas.height, ratio);
    limit();
  }

  function draw(): void {
    frame = 0;
    if (map === undefined || sums === undefined) return;
    labels = [];
    names = 0;
    hidden = { tiles: 0, bytes: 0, inView: 0 };
    raster.clear(palette.ground);
    drawNode(0, undefined);
    raster.show(context);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawLabels();
    if (selected !== undefined) outline(boxOf(selected));
    options.onDraw(hidden);
  }

  const toX = (value: number) => transform.x + transform.k * value * width;
  const toY = (value: number) => transform.y + transform.k * value * width;

  function boxOf(node: number): Box {
    const { x0, y0, x1, y1 } = map!;
    return { x0: toX(x0[node]!), y0: toY(y0[node]!), x1: toX(x1[node]!), y1: toY(y1[node]!) };
  }

  function drawNode(node: number, above: Box | undefined): void {
    const { tiles, firstChild, childCount, leaves, depth } = map!;
    const x0 = toX(map!.x0[node]!);
    const y0 = toY(map!.y0[node]!);
    const x1 = toX(map!.x1[node]!);
    const y1 = toY(map!.y1[node]!);
    if (x1 <= 0 || y1 <= 0 || x0 >= width || y0 >= height) return;
    const [w, h] = [x1 - x0, y1 - y0];
    // Edges that two tiles share fall on the same pixel.
    const [left, top] = [Math.round(x0 * ratio), Math.round(y0 * ratio)];
    const [right, bottom] = [Math.round(x1 * ratio), Math.round(y1 * ratio)];
    const isSmall = w * h < leastArea || w < 1 || h < 1;
    if (!isSmall && isClosed(map!, node) && isWorthOpening(node, w * h)) options.onOpen(node);
    if (childCount[node] === 0 || isSmall) {
      const fate = fates[sums!.most[node]!]!;
      hidden.inView += leaves[node]!;
      if (isSmall || leaves[node]! > 1) {
        hidden.tiles += leaves[node]!;
        hidden.bytes += tiles[node]!.bytes;
      }
      raster.fill(left, top, right, bottom, palette.paint[fate]);
      if (w > 4 && h > 4) raster.edge(left, top, right, bottom, 1, palette.line);
      if (w > 42 && h > 18 && names < mostNames)
        pushLabel(tiles[node]!.name, palette.ink[fate], { x0, y0, x1, y1 }, above, false);
      return;
    }
    let own = above;
    if (depth[node]! > 0 && w > 60 && h > 32 && !isAround(x0, y0, x1, y1))
      own = pushLabel(tiles[node]!.name, palette.text, { x0, y0, x1, y1 }, above, true) ?? above;
    for (let child = firstChild[node]!; child < firstChild[node]! + childCount[node]!; child++)
      drawNode(child, own);
    if (depth[node]! > 0 && w > 8 && h > 8)
      raster.edge(left, top, right, bottom, Math.round(depth[node] === 1 ? 2 * ratio : ratio), palette.line);
  }

  function isWorthOpening(node: number, area: number): boolean {
    const { bytes, largest = 0 } = map!.tiles[node]!;
    return area >= (leastArea / 2) * map!.leaves[node]! || (area * largest) / bytes >= notableArea;
  }

  /** The names of groups that fill the whole view would cover what is in it. */
  const isAround = (x0: number, y0: number, x1: number, y1: number) =>
    x0 <= 1 && y0 <= 1 && x1 >= width - 1 && y1 >= height - 1;

  /** Where a name fits into its tile below the name of its group; gives its place. */
  function pushLabel(
    text: string,
    ink: string,
    { x0, y0, x1, y1 }: Box,
    above: Box | undefined,
    isGroup: boolean,
  ): Box | undefined {
    const left = Math.max(x0, 0) + 4;
    let top = Math.max(y0, 0) + 3;
    if (above !== undefined && left < above.x1 + 4 && top < above.y1 && above.y0 < y1) top = above.y1 + 1;
    const room = Math.min(x1, width) - left - 4;
    if (room < (isGroup ? 52 : 34) || top + lineHeight > Math.min(y1, height) - (isGroup ? 14 : 0))
      return undefined;
    context.font = isGroup ? boldFont : font;
    const wide = context.measureText(text).width;
    const shown = wide <= room ? text : `${text.slice(0, Math.floor((text.length * room) / wide) - 2)}…`;
    const place = { x0: left, y0: top, x1: left + Math.min(room, wide), y1: top + lineHeight };
    labels.push({ ...place, text: shown, ink, isGroup });
    if (!isGroup) names++;
    return place;
  }

  function drawLabels(): void {
    context.textBaseline = "middle";
    for (const { x0, y0, x1, y1, text, ink, isGroup } of labels) {
      context.font = isGroup ? boldFont : font;
      if (isGroup) {
        context.fillStyle = palette.back;
        context.globalAlpha = 0.85;
        context.fillRect(x0 - 2, y0, x1 - x0 + 5, y1 - y0);
        context.globalAlpha = 1;
      }
      context.fillStyle = ink;
      context.fillText(text, x0, (y0 + y1) / 2 + 0.5);
    }
  }

  function outline({ x0, y0, x1, y1 }: Box): void {
    const w = Math.max(x1 - x0, 6);
    const h = Math.max(y1 - y0, 6);
    context.lineWidth = 5;
    context.strokeStyle = palette.back;
    context.strokeRect(x0, y0, w, h);
    context.lineWidth = 2.5;
    context.strokeStyle = palette.accent;
    context.strokeRect(x0, y0, w, h);
  }

  /** The smallest node that is drawn at a place. */
  function nodeAt(x: number, y: number): number | undefined {
    if (map === undefined) return undefined;
    const [mapX, mapY] = transform.invert([x, y]).map((value) => value / width) as [number, number];
    const holds = (node: number) =>
      mapX >= map!.x0[node]! && mapX < map!.x1[node]! && mapY >= map!.y0[node]! && mapY < map!.y1[node]!;
    if (!holds(0)) return undefined;
    let node = 0;
    for (;;) {
      const { x0, y0, x1, y1 } = boxOf(node);
      if (map.childCount[node] === 0 || (x1 - x0) * (y1 - y0) < leastArea) return node;
      const first = map.firstChild[node]!;
      let child = first;
      while (child < first + map.childCount[node]! && !holds(child)) child++;
      if (child === first + map.childCount[node]!) return node;
      node = child;
    }
  }

  const behaviour = zoom<HTMLCanvasElement, unknown>()
    .scaleExtent([1, mostZoom])
    // A page that cannot be scrolled past a picture is a trap: the wheel needs Ctrl, touch needs two fingers.
    .filter((event: MouseEvent | WheelEvent | TouchEvent) => {
      if (event.type === "wheel") return event.ctrlKey || event.metaKey;
      if ("touches" in event) return event.touches.length > 1 || transform.k > 1;
      return event.button === 0;
    })
    .on("zoom", (event: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
      transform = event.transform;
      canvas.classList.toggle("zoomed", transform.k > 1);
      redraw();
    });
  const selection = select(canvas);
  selection.call(behaviour).style("touch-action", null);

  function limit(): void {
    behaviour
      .extent([
        [0, 0],
        [width, height],
      ])
      .translateExtent([
        [0, 0],
        [width, height],
      ]);
  }

  let glide = 0;
  /** Goes to a view in a fifth of a second. */
  function moveTo(target: ZoomTransform): void {
    cancelAnimationFrame(glide);
    if (isStill()) {
      behaviour.transform(selection, target);
      return;
    }
    const from = transform;
    const start = performance.now();
    const step = (now: number) => {
      const part = Math.min(1, (now - start) / 200);
      const eased = part * (2 - part);
      const k = from.k * (target.k / from.k) ** eased;
      // The point that both views share stays where it is: the way is straight for the eye.
      const along = target.k === from.k ? eased : (k - from.k) / (target.k - from.k);
      const x = from.x + (target.x - from.x) * along;
      const y = from.y + (target.y - from.y) * along;
      behaviour.transform(selection, part === 1 ? target : zoomIdentity.translate(x, y).scale(k));
      if (part < 1) glide = requestAnimationFrame(step);
    };
    glide = requestAnimationFrame(step);
  }

  canvas.addEventListener("click", (event) => {
    const node = nodeAt(event.offsetX, event.offsetY);
    if (node !== undefined) options.onSelect(node);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch")
      options.onHover(nodeAt(event.offsetX, event.offsetY), event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerleave", () => options.onHover(undefined, 0, 0));

  return {
    canvas,
    redraw() {
      palette = readPalette();
      measure();
      redraw();
    },
    show(newMap, newSums) {
      map = newMap;
      sums = newSums;
      measure();
      redraw();
    },
    recolour(newSums) {
      sums = newSums;
      redraw();
    },
    select(node) {
      selected = node;
      redraw();
    },
    focus(node) {
      if (map === undefined) return;
      const scale = width;
      const [x0, x1] = [map.x0[node]! * scale, map.x1[node]! * scale];
      const [y0, y1] = [map.y0[node]! * scale, map.y1[node]! * scale];
      const isLeaf = map.childCount[node] === 0;
      // A single function is shown among its neighbours.
      const fit = Math.min(width / (x1 - x0), height / (y1 - y0)) * (isLeaf ? 0.2 : 0.98);
      const k = Math.max(1, Math.min(mostZoom, fit));
      const x = Math.min(0, Math.max(width * (1 - k), width / 2 - (k * (x0 + x1)) / 2));
      const y = Math.min(0, Math.max(height * (1 - k), height / 2 - (k * (y0 + y1)) / 2));
      moveTo(zoomIdentity.translate(x, y).scale(k));
    },
    zoomBy(factor) {
      const k = Math.max(1, Math.min(mostZoom, transform.k * factor));
      const [cx, cy] = transform.invert([width / 2, height / 2]);
      const x = Math.min(0, Math.max(width * (1 - k), width / 2 - k * cx));
      const y = Math.min(0, Math.max(height * (1 - k), height / 2 - k * cy));
      moveTo(zoomIdentity.translate(x, y).scale(k));
    },
  };
}

export const isGroup = ({ units, children }: Tile) => units !== undefined || children.length > 0;
