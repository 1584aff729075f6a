// SPDX-License-Identifier: Apache-2.0
import { renameSync, writeFileSync } from "node:fs";

/** Never half a file, whatever ends this process. */
export function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
