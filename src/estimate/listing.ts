// SPDX-License-Identifier: Apache-2.0
/**
 * Reads section listings: the output of `objdump -h`, `size -A` or `readelf -SW`, or lines of a name and a number
 * of bytes. Listings come from mails and logs, so text around the rows is ignored, and in a
 * row only the name and the size have to be complete: `4 .iommu.dmar.text 00004ff7 ..snip.. 000000000143b5ce` is one.
 */
import { fail } from "../diagnostics.js";

export interface ListedSection {
  readonly name: string;
  readonly bytes: number;
  /** In the listing, from 1. */
  readonly line: number;
}

export interface Listing {
  readonly format: "objdump -h" | "readelf -SW" | "size -A" | "name bytes";
  readonly sections: readonly ListedSection[];
}

/** Larger than any listing of a kernel's sections: with function sections, 50,000 of them make 6 MB. */
export const mostListingBytes = 64 * 2 ** 20;
/** The rest of a line behind this is ignored. */
const longestLine = 4096;

interface Format {
  readonly name: Listing["format"];
  /** Name and size are its groups. */
  readonly row: RegExp;
  readonly base: 10 | 16;
}

/** Those that cannot be mistaken for another come first; the first of which there is a row is the listing's. */
const formats: readonly Format[] = [
  { name: "objdump -h", row: /^\s*\d+\s+(\S+)\s+([0-9a-f]{8,16})(?=\s|$)/, base: 16 },
  {
    name: "readelf -SW",
    row: /^\s*\[\s*\d+\]\s+(\S+)\s+[A-Z][A-Z_0-9]*\s+[0-9a-f]{8,16}\s+[0-9a-f]{6,16}\s+([0-9a-f]{6,16})(?=\s|$)/,
    base: 16,
  },
  { name: "size -A", row: /^(\S+)\s+(\d+|0x[0-9a-f]+)\s+(?:\d+|0x[0-9a-f]+)\s*$/, base: 10 },
];

/** Throws `listing-unusable`. `file` is what messages call it. */
export function parseListing(file: string, text: string): Listing {
  if (text.startsWith("\x7fELF")) unusable(file, 1, "it is an ELF file, not a listing of its sections");
  const zero = text.indexOf("\0");
  if (zero >= 0) unusable(file, lineOf(text, zero), "it is no text");
  // A mail that is quoted has its marks before each line.
  const lines = text.split(/\r?\n/).map((line) => line.slice(0, longestLine).replace(/^(?:>\s?)+/, ""));
  for (const { name, row, base } of formats) {
    const sections = lines.flatMap((line, index) => {
      const found = row.exec(line);
      return found === null
        ? []
        : [{ name: found[1]!, bytes: size(file, index + 1, found[2]!, base), line: index + 1 }];
    });
    if (sections.length > 0) return { format: name, sections };
  }
  const narrow = lines.findIndex((line) => /^\s*\[\s*\d+\]\s/.test(line));
  if (narrow >= 0)
    unusable(file, narrow + 1, "readelf has broken each section into two lines: use readelf -SW");
  return { format: "name bytes", sections: parsePlain(file, lines) };
}

/** Every line is tried, because only its form distinguishes a row from the text around it. */
function parsePlain(file: string, lines: readonly string[]): ListedSection[] {
  const sections: ListedSection[] = [];
  lines.forEach((line, index) => {
    const words = line
      .replace(/#.*/, "")
      .split(/\s+/)
      .filter((word) => word !== "");
    if (words.length === 0) return;
    if (/^bytes?$/.test(words.at(-1)!)) words.pop();
    const digits = words.pop();
    const name = words.join(" ").replace(/:$/, "");
    if (digits === undefined || !/^\d+$/.test(digits) || name === "")
      unusable(file, index + 1, `"${clip(line.trim())}" is no name and number of bytes`);
    sections.push({ name, bytes: size(file, index + 1, digits, 10), line: index + 1 });
  });
  if (sections.length === 0) unusable(file, 1, "it lists nothing");
  return sections;
}

function size(file: string, line: number, digits: string, base: 10 | 16): number {
  const bytes = digits.startsWith("0x") ? Number(digits) : Number.parseInt(digits, base);
  if (!Number.isSafeInteger(bytes)) unusable(file, line, `${clip(digits)} bytes is no size of a section`);
  return bytes;
}

const clip = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
const lineOf = (text: string, offset: number) => text.slice(0, offset).split("\n").length;

function unusable(file: string, line: number, what: string): never {
  fail("listing-unusable", { file, line, what });
}
