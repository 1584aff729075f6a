// SPDX-License-Identifier: Apache-2.0
/** The image as a strip of pages, left to right and line by line, in the order of their addresses. */
import type { Fates } from "../../model/fates.js";
import { type Pages, pageUses } from "../../model/pages.js";
import { isStill } from "./dom.js";
import { type Palette, readPalette } from "./palette.js";
import { createRaster, type Paint, type Raster } from "./raster.js";

export interface Strip {
  show(fates: Fates): void;
  redraw(): void;
}

const glow = 600;

export function createStrip(
  canvas: HTMLCanvasElement,
  pages: Pages,
  onHover: (page: number | undefined, x: number, y: number) => void,
): Strip {
  const context = canvas.getContext("2d", { alpha: false })!;
  let palette: Palette = readPalette();
  let fates: Fates | undefined;
  let before: Fates | undefined;
  let changedAt = 0;
  let cell = 6;
  let columns = 1;
  let ratio = 1;
  let raster: Raster = createRaster(1, 1, 1);

  function measure(): void {
    const width = canvas.parentElement!.clientWidth;
    cell = width < 600 ? 4 : 6;
    columns = Math.max(1, Math.floor(width / cell));
    const height = Math.ceil(pages.count / columns) * cell;
    ratio = window.devicePixelRatio || 1;
    canvas.style.width = `${columns * cell}px`;
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(columns * cell * ratio);
    canvas.height = Math.round(height * ratio);
    raster = createRaster(canvas.width, canvas.height, ratio);
  }

  function paintOf(page: number): Paint {
    const use = pageUses[pages.use[page]!]!;
    if (use === "region") return palette.paint[fates?.isFreed(pages.region[page]!) ? "freed" : "kept"];
    if (use === "boot" || use === "padding" || use === "gate") return palette.paint[use];
    return palette.memory[use];
  }

  function draw(now: number): void {
    const left = isStill() ? 0 : Math.max(0, 1 - (now - changedAt) / glow);
    const gap = cell > 4 || ratio < 2 ? 1 : 0.5;
    raster.clear(palette.ground);
    const lit: number[] = [];
    for (let page = 0; page < pages.count; page++) {
      const [x, y] = [(page % columns) * cell, Math.floor(page / columns) * cell];
      const edge = (value: number) => Math.round(value * ratio);
      raster.fill(edge(x), edge(y), edge(x + cell - gap), edge(y + cell - gap), paintOf(page));
      const region = pages.region[page]!;
      if (region >= 0 && fates?.isFreed(region) && !before?.isFreed(region)) lit.push(page);
    }
    raster.show(context);
    if (left === 0 || lit.length === 0) return;
    // Pages that have just come free shine for a moment.
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.globalAlpha = left;
    context.fillStyle = palette.accent;
    const grow = left * cell * 0.6;
    for (const page of lit) {
      const [x, y] = [(page % columns) * cell, Math.floor(page / columns) * cell];
      context.fillRect(x - grow, y - grow, cell + 2 * grow, cell + 2 * grow);
    }
    context.globalAlpha = 1;
    requestAnimationFrame(draw);
  }

  const redraw = () => {
    palette = readPalette();
    measure();
    requestAnimationFrame(draw);
  };
  canvas.addEventListener("pointermove", (event) => {
    const column = Math.floor(event.offsetX / cell);
    const page = Math.floor(event.offsetY / cell) * columns + column;
    onHover(column < columns && page < pages.count ? page : undefined, event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerleave", () => onHover(undefined, 0, 0));
  return {
    show(newFates) {
      before = fates;
      fates = newFates;
      changedAt = performance.now();
      redraw();
    },
    redraw,
  };
}
