// SPDX-License-Identifier: Apache-2.0
/** The kernel's own table of the padding that may leave. */
import { pageSize } from "../x86/x86.js";
import type { VerifiedRegion } from "./claims.js";
import type { Extent } from "./extents.js";

/** It belongs to a component of its own, with which nothing else leaves. */
export const paddingRegion: VerifiedRegion = {
  name: "padding",
  kind: "padding",
  pages: 0,
  owners: [],
};

const rowBytes = 8;
export const mostRows = 32;

/** The kernel's own table: pages from `_text` to the start of each piece, and how many there are in it. */
export function readPadding(
  addresses: ReadonlyMap<string, number>,
  readWord: (address: number) => number | undefined,
): Extent[] {
  const text = addresses.get("_text");
  const table = addresses.get("jettison_padding");
  const count = addresses.get("jettison_nr_padding");
  if (text === undefined || table === undefined || count === undefined) return [];
  const rows = Math.min(readWord(count) ?? 0, mostRows + 1); // one too many is found out by checkPadding
  return Array.from({ length: rows }, (_, row) => {
    const start = text + (readWord(table + row * rowBytes) ?? 0) * pageSize;
    const pages = readWord(table + row * rowBytes + 4) ?? 0;
    return { start, end: start + pages * pageSize, name: paddingRegion.name };
  });
}
