// SPDX-License-Identifier: Apache-2.0
import { copyFileSync, renameSync, writeFileSync } from "node:fs";

/** Writes a file so that it is never incomplete, whatever ends this process. */
export function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/** The same of another file's content; one who reads the old file keeps it. */
export function copyWhole(from: string, to: string): void {
  copyFileSync(from, `${to}.new`);
  renameSync(`${to}.new`, to);
}
