// SPDX-License-Identifier: Apache-2.0
/**
 * Loads the parts of objects that a link needs: debug information makes an object ten times as large,
 * and is never read. So an object may have any size, as long as these parts fit into memory.
 */
import { constants } from "node:buffer";
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { fail } from "../diagnostics.js";
import { type ArchiveReader, isArchive, memberHeaderSize, readArchive } from "./archive.js";
import { headerSize, sectionFlag, sectionHeaderSize, sectionType } from "./format.js";
import { type ElfImage, readImage } from "./image.js";
import { type ElfObject, type ObjectContent, type ObjectSource, readObject } from "./object.js";

/** Objects up to this size are read in one piece. */
const wholeLimit = 256 * 1024;
/** A gap between two needed ranges is read too when it is smaller than this. */
const mergeGap = 16 * 1024;
/** The system reads less than 2 GiB in one call. */
const mostAtOnce = 2 ** 30;
const copiedAtOnce = 2 ** 22;

export function loadFile(path: string): Buffer {
  return withFile(path, (descriptor, size) => {
    const bytes = allocate(path, size);
    readRange(descriptor, path, bytes, 0, size, 0);
    return bytes;
  });
}

/** Reads headers, tables and allocated sections of an object; `name` is how messages call it. */
export function loadObject(name: string, from: string | ObjectSource): ElfObject {
  return readObject(name, loadNeeded(from));
}

/** The same of a linked image. */
export function loadImage(name: string, path: string): ElfImage {
  return readImage(name, loadNeeded(path));
}

/** All of an object that was perhaps not read as a whole. */
export function loadWhole({ bytes, size, source }: ObjectContent): Buffer {
  if (bytes.byteLength === size) return bytes;
  const { path, offset } = source!;
  return withFile(path, (descriptor) => {
    const whole = allocate(path, size);
    readRange(descriptor, path, whole, 0, size, offset);
    return whole;
  });
}

/** An object that a file is or holds. */
export interface Listed {
  /** How messages and manifests call it: the file's path; of a member that an archive holds `archive(member)`. */
  readonly name: string;
  readonly source: ObjectSource;
}

/**
 * The members of an archive, in its order, wherever they lie; a file that is no archive is itself one object. Files are
 * named from `folder` on, in which they are looked for.
 */
export function listObjects(path: string, folder = "."): Listed[] {
  const placeOf = (file: string) => (isAbsolute(file) ? file : join(folder, file));
  const wholeFile = (file: string): ObjectSource => ({
    path: placeOf(file),
    offset: 0,
    size: readSize(placeOf(file)),
  });
  const archives = new Map<string, readonly Listed[] | undefined>();
  /** undefined: it is not an archive. */
  const listArchive = (file: string): readonly Listed[] | undefined => {
    const known = archives.get(file);
    if (known !== undefined) return known;
    const listed = withFile(placeOf(file), (descriptor, size) => {
      const read: ArchiveReader["read"] = (start, end) => {
        const bytes = allocate(file, end - start);
        readRange(descriptor, file, bytes, 0, end - start, start);
        return bytes;
      };
      if (!isArchive(read(0, Math.min(size, 8)))) return undefined;
      return readArchive(file, { size, read }).map((member): Listed => {
        if (member.path === undefined)
          return {
            name: `${file}(${member.name})`,
            source: { path: placeOf(file), offset: member.offset!, size: member.size },
          };
        if (member.origin !== undefined) return nestedMember(file, member.path, member.origin);
        return { name: member.path, source: wholeFile(member.path) };
      });
    });
    archives.set(file, listed);
    return listed;
  };
  /** The member of a common archive whose header stands at `origin`, as a member of a thin archive. */
  const nestedMember = (file: string, nested: string, origin: number): Listed => {
    if (nested === file)
      return fail("archive-malformed", { file, offset: origin, what: "it is a member of itself" });
    const found = listArchive(nested)?.find(
      ({ source }) => source.path === placeOf(nested) && source.offset === origin + memberHeaderSize,
    );
    if (found === undefined)
      fail("archive-malformed", {
        file: nested,
        offset: origin,
        what: `${file} has a member here, but none begins`,
      });
    return found;
  };
  const listed = listArchive(path);
  return listed === undefined ? [{ name: path, source: wholeFile(path) }] : [...listed];
}

/** Bytes of a file. */
export function readSize(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) fail("file-unreadable", { file: path, cause: "ENOENT" });
  if (!stat.isFile()) fail("file-unreadable", { file: path, cause: "it is no regular file" });
  return stat.size;
}

function loadNeeded(from: string | ObjectSource): ObjectContent {
  const path = typeof from === "string" ? from : from.path;
  return withFile(path, (descriptor, fileSize) => {
    const source = typeof from === "string" ? { path, offset: 0, size: fileSize } : from;
    const { size, offset } = source;
    if (size <= wholeLimit) {
      const bytes = allocate(path, size);
      readRange(descriptor, path, bytes, 0, size, offset);
      return { bytes, size, ranges: [{ at: 0, from: 0, size }], source };
    }
    const read = (start: number, end: number) => {
      const bytes = allocate(path, end - start);
      readRange(descriptor, path, bytes, 0, end - start, offset + start);
      return bytes;
    };
    let at = 0;
    const ranges = neededRanges(size, read).map(([start, end]) => {
      const range = { at, from: start, size: end - start };
      at += range.size;
      return range;
    });
    const bytes = allocate(path, at);
    for (const range of ranges)
      readRange(descriptor, path, bytes, range.at, range.at + range.size, offset + range.from);
    return { bytes, size, ranges, source };
  });
}

/**
 * The ranges of an object that a link looks at, merged and in order; the header is always one. Damaged headers yield no
 * range that leaves the object; what is wrong with them is for `readObject` to say.
 */
function neededRanges(size: number, read: (start: number, end: number) => Buffer): [number, number][] {
  const header: [number, number] = [0, headerSize];
  const fileHeader = read(0, headerSize);
  const start = Number(fileHeader.readBigUInt64LE(40));
  if (start + sectionHeaderSize > size) return [header];
  const first = read(start, start + sectionHeaderSize);
  const count = fileHeader.readUInt16LE(60) || Number(first.readBigUInt64LE(32));
  const end = start + count * sectionHeaderSize;
  if (end > size) return [header];
  const headers = read(start, end);

  const isNeeded = (at: number) => {
    const type = headers.readUInt32LE(at + 4);
    if (type === sectionType.nobits) return false;
    if (type === sectionType.rela) {
      const target = headers.readUInt32LE(at + 44);
      return (
        target < count && (headers.readUInt32LE(target * sectionHeaderSize + 8) & sectionFlag.alloc) !== 0
      );
    }
    return type !== sectionType.progbits || (headers.readUInt32LE(at + 8) & sectionFlag.alloc) !== 0;
  };
  const ranges: [number, number][] = [header, [start, end]];
  for (let at = 0; at < headers.byteLength; at += sectionHeaderSize) {
    const from = Number(headers.readBigUInt64LE(at + 24));
    const to = Math.min(from + Number(headers.readBigUInt64LE(at + 32)), size);
    if (to > from && isNeeded(at)) ranges.push([from, to]);
  }
  ranges.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + mergeGap) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

function withFile<T>(path: string, use: (descriptor: number, size: number) => T): T {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    return fail("file-unreadable", {
      file: path,
      cause: (error as NodeJS.ErrnoException).code ?? String(error),
    });
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) fail("file-unreadable", { file: path, cause: "it is no regular file" });
    return use(descriptor, stat.size);
  } finally {
    closeSync(descriptor);
  }
}

function allocate(path: string, size: number): Buffer {
  if (size > constants.MAX_LENGTH)
    fail("file-unreadable", {
      file: path,
      cause: `${size} bytes of it are needed at once, and ${constants.MAX_LENGTH} are the most that Node.js holds`,
    });
  return Buffer.allocUnsafeSlow(size);
}

/** Reads what stands from `from` on into the part of a buffer from `start` to `end`. */
export function readRange(
  descriptor: number,
  path: string,
  into: Buffer,
  start: number,
  end: number,
  from: number,
): void {
  for (let at = start; at < end; ) {
    const got = readSync(descriptor, into, at, Math.min(end - at, mostAtOnce), from + at - start);
    if (got === 0) fail("file-unreadable", { file: path, cause: "it became shorter while it was read" });
    at += got;
  }
}

/** Writes an object to a file of its own. Where it has only zeros the file has a hole. */
export function copyObject({ path, offset, size }: ObjectSource, to: string): void {
  withFile(path, (descriptor) => {
    const target = openSync(to, "w");
    try {
      ftruncateSync(target, size);
      const piece = Buffer.allocUnsafeSlow(Math.min(size, copiedAtOnce));
      const zeros = Buffer.alloc(piece.byteLength);
      for (let at = 0; at < size; at += piece.byteLength) {
        const part = piece.subarray(0, Math.min(piece.byteLength, size - at));
        readRange(descriptor, path, part, 0, part.byteLength, offset + at);
        if (!part.equals(zeros.subarray(0, part.byteLength))) writeAll(target, part, at);
      }
    } finally {
      closeSync(target);
    }
  });
}

export function writeAll(descriptor: number, bytes: Buffer, offset: number): void {
  for (let at = 0; at < bytes.byteLength; )
    at += writeSync(descriptor, bytes, at, bytes.byteLength - at, offset + at);
}
