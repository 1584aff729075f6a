// SPDX-License-Identifier: Apache-2.0

/** What the renderer of a pull request would take for markup; names of functions are full of underscores. */
const escapeCell = (text: string) =>
  text.replace(/[\\`*_{}[\]<>|~]/g, (character) => `\\${character}`).replaceAll("\n", " ");

const isNumber = (text: string) => /^([+-]?[\d,.]+|=|)%?$/.test(text);

/** A table of GitHub's Markdown; columns that hold nothing but numbers are right-aligned. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(" | ")} |`;
  const aligned = head.map((_, index) => (rows.every((row) => isNumber(row[index] ?? "")) ? "---:" : "---"));
  return [line(head), `| ${aligned.join(" | ")} |`, ...rows.map(line)].join("\n");
}
