// SPDX-License-Identifier: Apache-2.0
import { table } from "table";
import { formatNumber } from "../formatNumber.js";

const plain = {
  border: Object.fromEntries(
    ["topBody", "topJoin", "topLeft", "topRight", "bottomBody", "bottomJoin", "bottomLeft", "bottomRight"]
      .concat(["bodyLeft", "bodyRight", "joinBody", "joinLeft", "joinRight", "joinJoin"])
      .map((part) => [part, ""]),
  ),
  drawHorizontalLine: () => false,
};

/** Columns without lines; those that hold nothing but numbers are right-aligned. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = [head, ...rows].map((row) =>
    row.map((cell) => (typeof cell === "number" ? formatNumber(cell) : cell)),
  );
  const columns = Object.fromEntries(
    head.map((_, index) => [
      index,
      {
        alignment: rows.every((row) => typeof row[index] === "number")
          ? ("right" as const)
          : ("left" as const),
      },
    ]),
  );
  return table(cells, { ...plain, border: { ...plain.border, bodyJoin: " " }, columns })
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
