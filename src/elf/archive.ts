// SPDX-License-Identifier: Apache-2.0
/**
 * Reads `ar` archives, common and thin (GNU binutils' form), and writes thin ones. A thin archive holds only
 * the names of its members, relative to its own folder; the kernel's `vmlinux.a` is one.
 */
import { dirname, isAbsolute, join, relative } from "node:path";
import { fail } from "../diagnostics.js";

export interface ArchiveMember {
  /** How GNU ld and the kernel's `ar t` name it. */
  readonly name: string;
  /** A thin archive's member: the file that holds it. */
  readonly path?: string;
  /** A common archive's member: where it lies in the archive. */
  readonly offset?: number;
  readonly size: number;
}

const commonMagic = "!<arch>\n";
const thinMagic = "!<thin>\n";
const memberHeaderSize = 60;

const text = (bytes: Buffer, start: number, end: number) => bytes.toString("latin1", start, end);

export function isArchive(bytes: Buffer): boolean {
  const magic = bytes.byteLength < 8 ? "" : text(bytes, 0, 8);
  return magic === commonMagic || magic === thinMagic;
}

export function readArchive(file: string, bytes: Buffer): ArchiveMember[] {
  const isThin = text(bytes, 0, Math.min(8, bytes.byteLength)) === thinMagic;
  const size = bytes.byteLength;
  const members: ArchiveMember[] = [];
  let longNames = "";
  let at = 8;
  while (at < size) {
    if (at + memberHeaderSize > size)
      fail("archive-malformed", { file, offset: at, what: "a member's header is cut short" });
    const rawName = text(bytes, at, at + 16).trimEnd();
    const sizeField = text(bytes, at + 48, at + 58).trim();
    const memberSize = Number(sizeField);
    if (!/^\d+$/.test(sizeField) || text(bytes, at + 58, at + 60) !== "`\n")
      fail("archive-malformed", { file, offset: at, what: "no member's header stands here" });
    const content = at + memberHeaderSize;
    const isTable = rawName === "/" || rawName === "//" || rawName === "/SYM64/";
    const isStored = isTable || !isThin;
    if (isStored && content + memberSize > size)
      fail("archive-malformed", { file, offset: at, what: `member ${rawName} is cut short` });
    if (rawName === "//") longNames = text(bytes, content, content + memberSize);
    else if (!isTable) {
      const name = memberName(file, rawName, longNames, at);
      members.push(
        isThin
          ? { name, path: isAbsolute(name) ? name : join(dirname(file), name), size: memberSize }
          : { name, offset: content, size: memberSize },
      );
    }
    at = isStored ? content + memberSize + (memberSize & 1) : content;
  }
  return members;
}

function memberName(file: string, rawName: string, longNames: string, at: number): string {
  // GNU ar now and then leaves the slash of a short name in the last column of the field.
  const reference = /^\/(\d+) *\/?$/.exec(rawName);
  if (reference === null) return rawName.replace(/\/$/, "");
  const start = Number(reference[1]);
  const end = longNames.indexOf("/\n", start);
  if (start >= longNames.length || end < 0)
    fail("archive-malformed", { file, offset: at, what: `no name stands at ${start} of the name table` });
  return longNames.slice(start, end);
}

const field = (value: string | number, width: number) => String(value).padEnd(width);
const memberHeader = (name: string, size: number) =>
  `${field(name, 16)}${field(0, 12)}${field(0, 6)}${field(0, 6)}${field(644, 8)}${field(size, 10)}\`\n`;

/**
 * A thin archive at `file` of the objects at `paths`, without a symbol index: for use between
 * `--whole-archive` and `--no-whole-archive`. Dates and owners are zero, so the same inputs give the same bytes.
 */
export function writeThinArchive(file: string, members: readonly { path: string; size: number }[]): Buffer {
  let names = "";
  let headers = "";
  for (const { path, size } of members) {
    headers += memberHeader(`/${names.length}`, size);
    names += `${isAbsolute(path) ? path : relative(dirname(file), path)}/\n`;
  }
  if (names.length % 2 === 1) names += "\n";
  return Buffer.from(`${thinMagic}${memberHeader("//", names.length)}${names}${headers}`, "latin1");
}
