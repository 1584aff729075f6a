// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, renameSync, writeFileSync } from "node:fs";
import type { PackedColumns } from "./columns.js";
import type { Plan } from "./plan.js";

const valuesAtOnce = 2 ** 16;

/**
 * Writes a plan as JSON, as `JSON.stringify` would, but its columns piece by piece: the text for ten million references is
 * too long to hold in memory. The file is written beside and then renamed, so it is never incomplete.
 */
export function writePlan(path: string, plan: Plan, columns: PackedColumns): void {
  const descriptor = openSync(`${path}.new`, "w");
  try {
    const write = (text: string) => writeFileSync(descriptor, text);
    let before = "{";
    for (const key of Object.keys(plan) as (keyof Plan)[]) {
      if (key !== "columns" && plan[key] === undefined) continue;
      write(`${before}${JSON.stringify(key)}:`);
      before = ",";
      if (key === "columns") writeColumns(write, columns);
      else write(JSON.stringify(plan[key]));
    }
    write("}\n");
  } finally {
    closeSync(descriptor);
  }
  renameSync(`${path}.new`, path);
}

function writeColumns(write: (text: string) => void, columns: PackedColumns): void {
  let before = "{";
  for (const [name, column] of Object.entries(columns)) {
    write(`${before}${JSON.stringify(name)}:`);
    before = ",";
    if (Array.isArray(column)) write(JSON.stringify(column));
    else if (ArrayBuffer.isView(column))
      writeValues(write, column.length, (from, to) => column.subarray(from, to).join());
    else
      writeValues(write, column.length, (from, to) => {
        const values = Array.from({ length: to - from }, (_, at) => column.at(from + at));
        return JSON.stringify(values).slice(1, -1);
      });
  }
  write("}");
}

function writeValues(
  write: (text: string) => void,
  count: number,
  valuesIn: (from: number, to: number) => string,
): void {
  write("[");
  for (let from = 0; from < count; from += valuesAtOnce)
    write(`${from === 0 ? "" : ","}${valuesIn(from, Math.min(from + valuesAtOnce, count))}`);
  write("]");
}
