// SPDX-License-Identifier: Apache-2.0
/**
 * Rectangles written straight into pixels. A frame of the map has tens of thousands of them, and each pixel is
 * written about once: this takes milliseconds where the calls of a canvas take hundreds.
 */

export type Pattern = "solid" | "rising" | "falling" | "cross" | "dots";

/** Colours as the pixels of an ImageData are: little-endian RGBA. */
export interface Paint {
  readonly pattern: Pattern;
  readonly back: number;
  readonly line: number;
}

export interface Raster {
  readonly width: number;
  readonly height: number;
  clear(colour: number): void;
  /** Edges are whole pixels; what lies outside is left out. */
  fill(x0: number, y0: number, x1: number, y1: number, paint: Paint): void;
  /** A line along the inside of the upper and the left edge: the others are their neighbours'. */
  edge(x0: number, y0: number, x1: number, y1: number, thick: number, colour: number): void;
  show(context: CanvasRenderingContext2D): void;
}

/** `#rrggbb`. */
export function parseColour(text: string): number {
  const rgb = Number.parseInt(text.slice(1, 7), 16);
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}

export function createRaster(width: number, height: number, ratio: number): Raster {
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const pitch = Math.round(7 * ratio);
  const thin = Math.max(1, Math.round(ratio));
  const solid = (x0: number, y0: number, x1: number, y1: number, colour: number) => {
    const [left, right] = [Math.max(0, x0), Math.min(width, x1)];
    if (left >= right) return;
    for (let y = Math.max(0, y0); y < Math.min(height, y1); y++)
      pixels.fill(colour, y * width + left, y * width + right);
  };
  const isLine = (pattern: Pattern, x: number, y: number): boolean => {
    switch (pattern) {
      case "rising":
        return (x + y) % pitch < thin;
      case "falling":
        return (x - y + pitch * height) % pitch < thin;
      case "cross":
        return (x + y) % pitch < thin || (x - y + pitch * height) % pitch < thin;
      default:
        return x % pitch < 2 * thin && y % pitch < 2 * thin;
    }
  };
  return {
    width,
    height,
    clear: (colour) => void pixels.fill(colour),
    fill(x0, y0, x1, y1, { pattern, back, line }) {
      if (pattern === "solid") {
        solid(x0, y0, x1, y1, back);
        return;
      }
      const [left, right] = [Math.max(0, x0), Math.min(width, x1)];
      for (let y = Math.max(0, y0); y < Math.min(height, y1); y++)
        for (let x = left; x < right; x++) pixels[y * width + x] = isLine(pattern, x, y) ? line : back;
    },
    edge(x0, y0, x1, y1, thick, colour) {
      solid(x0, y0, x1, y0 + thick, colour);
      solid(x0, y0, x0 + thick, y1, colour);
    },
    show: (context) => context.putImageData(image, 0, 0),
  };
}
