// SPDX-License-Identifier: Apache-2.0
/**
 * Colours of Okabe and Ito, which people with any kind of colour vision can distinguish, and patterns for items without
 * a colour of their own. The values are in the style sheet, one set for light and one for dark.
 */
import { kinds } from "../../elf/kind.js";
import { type Fate, fates } from "../../model/fates.js";
import { type Paint, type Pattern, parseColour } from "./raster.js";

const patterns: Partial<Record<Fate, Pattern>> = {
  pinned: "dots",
  refused: "cross",
  padding: "rising",
  boot: "falling",
};

export interface Palette {
  readonly paint: Record<Fate, Paint>;
  /** A colour of text that is readable on it. */
  readonly ink: Record<Fate, string>;
  readonly memory: Record<(typeof kinds)[number], Paint>;
  readonly line: number;
  readonly ground: number;
  readonly back: string;
  readonly text: string;
  readonly accent: string;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const entries = <Key extends string, Value>(keys: readonly Key[], make: (key: Key) => Value) =>
    Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<Key, Value>;
  const paint = (name: string, pattern: Pattern = "solid"): Paint => ({
    pattern,
    back: parseColour(value(name)),
    line: parseColour(value(pattern === "solid" ? name : `${name}-line`)),
  });
  return {
    paint: entries(fates, (fate) => paint(fate, patterns[fate])),
    ink: entries(fates, (fate) => value(`${fate}-ink`)),
    memory: entries(kinds, (memory) => paint(`memory-${memory}`)),
    line: parseColour(value("tile-line")),
    ground: parseColour(value("back")),
    back: value("back"),
    text: value("text"),
    accent: value("accent"),
  };
}
