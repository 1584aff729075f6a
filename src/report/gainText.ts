// SPDX-License-Identifier: Apache-2.0
/** The gain on a terminal, and as the generated part of docs/gain.md. */
import { getBorderCharacters, table } from "table";
import type { Gain } from "../gain/gain.js";
import { colourOf, type TextOptions } from "./colour.js";
import {
  bytesTable,
  elsewhereTable,
  imageTable,
  memoryTable,
  memTotalTable,
  stayingTable,
  type Table,
} from "./gainTables.js";
import { markdownTable } from "./markdown.js";

function drawTable({ head, rows }: Table, options: TextOptions): string {
  const colour = colourOf(options);
  const isText = (index: number) => rows.every((row) => !/\d/.test(row[index] ?? ""));
  return table([head.map((text) => colour("bold", text.replace(" ", "\n"))), ...rows], {
    border: getBorderCharacters(options.styled ? "norc" : "ramac"),
    drawHorizontalLine: (line, count) => line <= 1 || line === count,
    columnDefault: { alignment: "right" },
    columns: Object.fromEntries(
      head.flatMap((_, index) =>
        index === 0 || isText(index) ? [[index, { alignment: "left" as const }]] : [],
      ),
    ),
  });
}

const memTotalTitle = "MemTotal, kB, of four kernels from one configuration";

const memoryTitle = "Beside MemTotal, kB, one boot each; MemFree differs by megabytes from boot to boot";

/** For the demo: whether it was worth it, in one table. */
export const formatMemTotals = (gain: Gain, options: TextOptions) =>
  `${memTotalTitle}:\n${drawTable(memTotalTable(gain), options)}`;

export const formatGain = (gain: Gain, options: TextOptions) =>
  [
    formatMemTotals(gain, options),
    `${memoryTitle}:\n${drawTable(memoryTable(gain), options)}`,
    `Bytes of the components:\n${drawTable(bytesTable(gain), options)}`,
    `Bytes of the linked kernels:\n${drawTable(imageTable(gain), options)}`,
  ].join("\n");

const section = (title: string, { head, rows }: Table) => `${title}\n\n${markdownTable(head, rows)}`;

/** `npm run gain -- --write` puts it into docs/gain.md. */
export const gainMarkdown = (gain: Gain) =>
  [
    `Linux ${gain.kernel}, ${gain.compiler}.`,
    section(`${memTotalTitle}:`, memTotalTable(gain)),
    section(`${memoryTitle}:`, memoryTable(gain)),
    section("Bytes of the components:", bytesTable(gain)),
    section("Bytes of the linked kernels:", imageTable(gain)),
    section(
      "Objects that the rebuilds leave out, and the bytes of them that stay with Jettison; the largest:",
      stayingTable(gain),
    ),
    section("Bytes that the rebuilds save in other objects; the largest:", elsewhereTable(gain)),
  ].join("\n\n");

/** The same for the README, which shows the first table only. */
export const memTotalMarkdown = (gain: Gain) =>
  section(`${memTotalTitle} (Linux ${gain.kernel}):`, memTotalTable(gain));
