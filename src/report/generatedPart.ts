// SPDX-License-Identifier: Apache-2.0
/** Parts of pages that a command writes: between two comments, of which the first names the command. */
import { readFileSync } from "node:fs";
import { fail } from "../diagnostics.js";

const start = (command: string) => `<!-- written by: ${command} -->`;
const end = "<!-- end -->";

/** The page with `text` in the place of what the command wrote before. */
export function replaceGenerated(file: string, command: string, text: string): string {
  const page = readFileSync(file, "utf8");
  const from = page.indexOf(start(command));
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) fail("page-unmarked", { file, start: start(command), end });
  return `${page.slice(0, from + start(command).length)}\n${text}\n${page.slice(to)}`;
}
