// SPDX-License-Identifier: Apache-2.0
/**
 * Reads `ar` archives, common and thin (GNU binutils' form), and writes thin ones. A thin archive holds only
 * the names of its members, relative to its own folder; the kernel's `vmlinux.a` is one.
 */
import { dirname, isAbsolute, join, relative } from "node:path";
import { fail } from "../diagnostics.js";
import { decodeName } from "./object.js";

export interface ArchiveMember {
  /** How GNU ld and the kernel's `ar t` name it. */
  readonly name: string;
  /** A thin archive's member: the file that holds it. */
  readonly path?: string;
  /** If the file is a common archive: the place of the member's header. */
  readonly origin?: number;
  /** A common archive's member: where it lies in the archive. */
  readonly offset?: number;
  readonly size: number;
}

/** An archive of any size, of which a part can be read. */
export interface ArchiveReader {
  /** Bytes. */
  readonly size: number;
  read(start: number, end: number): Buffer;
}

const commonMagic = "!<arch>\n";
const thinMagic = "!<thin>\n";
export const memberHeaderSize = 60;

/** Numbers and marks; names are UTF-8. */
const text = (bytes: Buffer, start: number, end: number) => bytes.toString("latin1", start, end);

export function isArchive(bytes: Buffer): boolean {
  const magic = bytes.byteLength < 8 ? "" : text(bytes, 0, 8);
  return magic === commonMagic || magic === thinMagic;
}

export function readArchive(file: string, input: Buffer | ArchiveReader): ArchiveMember[] {
  const { size, read } = Buffer.isBuffer(input)
    ? { size: input.byteLength, read: (start: number, end: number) => input.subarray(start, end) }
    : input;
  const isThin = text(read(0, Math.min(8, size)), 0, 8) === thinMagic;
  const members: ArchiveMember[] = [];
  let longNames: Buffer = Buffer.alloc(0);
  let at = 8;
  while (at < size) {
    if (at + memberHeaderSize > size)
      fail("archive-malformed", { file, offset: at, what: "a member's header is cut short" });
    const header = read(at, at + memberHeaderSize);
    const rawName = text(header, 0, 16).trimEnd();
    const sizeField = text(header, 48, 58).trim();
    const memberSize = Number(sizeField);
    if (!/^\d+$/.test(sizeField) || text(header, 58, 60) !== "`\n")
      fail("archive-malformed", { file, offset: at, what: "there is no member's header here" });
    const content = at + memberHeaderSize;
    const isTable = rawName === "/" || rawName === "//" || rawName === "/SYM64/";
    const isStored = isTable || !isThin;
    if (isStored && content + memberSize > size)
      fail("archive-malformed", { file, offset: at, what: `member ${rawName} is cut short` });
    if (rawName === "//") longNames = read(content, content + memberSize);
    else if (!isTable) {
      const { name, origin } = memberName(file, header, longNames, at);
      const path = isAbsolute(name) ? name : join(dirname(file), name);
      members.push(
        isThin
          ? { name, path, size: memberSize, ...(origin === undefined ? {} : { origin }) }
          : { name, offset: content, size: memberSize },
      );
    }
    at = isStored ? content + memberSize + (memberSize & 1) : content;
  }
  return members;
}

/**
 * `name/`, or `/12` where the name stands in the table of long names; in a thin archive `/12:90` where the file of that
 * name is a common archive, and the member's header stands in it at 90.
 */
function memberName(
  file: string,
  header: Buffer,
  longNames: Buffer,
  at: number,
): { name: string; origin?: number } {
  const rawName = text(header, 0, 16).trimEnd();
  // GNU ar now and then leaves the slash of a short name in the last column of the field.
  const reference = /^\/(\d+)(?::(\d+))? *\/?$/.exec(rawName);
  const start = Number(reference?.[1] ?? 0);
  const end = reference === null ? rawName.replace(/\/$/, "").length : longNames.indexOf("/\n", start);
  const holder = reference === null ? header : longNames;
  if (start >= holder.byteLength || end < 0)
    fail("archive-malformed", { file, offset: at, what: `there is no name at ${start} of the name table` });
  const name = decodeName(holder, start, end);
  if (name === undefined)
    fail("archive-malformed", { file, offset: at, what: "the name of the member is not UTF-8" });
  return { name, ...(reference?.[2] === undefined ? {} : { origin: Number(reference[2]) }) };
}

const field = (value: string | number, width: number) => String(value).padEnd(width);
const memberHeader = (name: string, size: number) =>
  `${field(name, 16)}${field(0, 12)}${field(0, 6)}${field(0, 6)}${field(644, 8)}${field(size, 10)}\`\n`;

/**
 * A thin archive at `file` of the objects at `paths`, without a symbol index: for use between
 * `--whole-archive` and `--no-whole-archive`. Dates and owners are zero, so the same inputs give the same bytes.
 */
export function writeThinArchive(file: string, members: readonly { path: string; size: number }[]): Buffer {
  const names: string[] = [];
  const headers: string[] = [];
  let length = 0;
  for (const { path, size } of members) {
    headers.push(memberHeader(`/${length}`, size));
    const name = `${isAbsolute(path) ? path : relative(dirname(file), path)}/\n`;
    names.push(name);
    length += Buffer.byteLength(name);
  }
  if (length % 2 === 1) names.push("\n");
  const table = names.join("");
  return Buffer.from(
    `${thinMagic}${memberHeader("//", Buffer.byteLength(table))}${table}${headers.join("")}`,
  );
}
