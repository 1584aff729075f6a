// SPDX-License-Identifier: Apache-2.0

/** Characters that a renderer of pull requests treats as markup; names of functions are full of underscores. */
const escapeCell = (text: string) =>
  text.replace(/[\\`*_{}[\]<>|~]/g, (character) => `\\${character}`).replaceAll("\n", " ");

const isNumber = (text: string) => /^([+-]?[\d,.]+|=|)%?$/.test(text);

/** A table of GitHub's Markdown; columns that hold nothing but numbers are right-aligned. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(" | ")} |`;
  const aligned = head.map((_, index) => (rows.every((row) => isNumber(row[index] ?? "")) ? "---:" : "---"));
  return [line(head), `| ${aligned.join(" | ")} |`, ...rows.map(line)].join("\n");
}
