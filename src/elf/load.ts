// SPDX-License-Identifier: Apache-2.0
/**
 * Brings an object into memory, as little of it as is needed: debug information makes an object ten times
 * as large and is never looked at. The buffer has the file's size, so offsets stay what they are, but what
 * is not read is never touched and costs no memory.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { fail } from "../diagnostics.js";
import { headerSize, sectionFlag, sectionHeaderSize, sectionType } from "./format.js";
import { type ElfImage, readImage } from "./image.js";
import { type ElfObject, readObject } from "./object.js";

/** Files up to this size are read in one piece. */
const wholeFileLimit = 256 * 1024;
/** A gap between two needed ranges is read too when it is smaller than this. */
const mergeGap = 16 * 1024;

export function loadFile(path: string): Buffer {
  return withFile(path, (descriptor, size) => {
    const bytes = Buffer.allocUnsafeSlow(size);
    readRange(descriptor, path, bytes, 0, size);
    return bytes;
  });
}

/** Reads headers, tables and allocated sections of the object at `path`; `name` is how messages call it. */
export function loadObject(name: string, path: string): ElfObject {
  return readObject(name, loadNeeded(path));
}

/** The same of a linked image. */
export function loadImage(name: string, path: string): ElfImage {
  return readImage(name, loadNeeded(path));
}

function loadNeeded(path: string): Buffer {
  return withFile(path, (descriptor, size) => {
    if (size <= wholeFileLimit) {
      const whole = Buffer.allocUnsafeSlow(size);
      readRange(descriptor, path, whole, 0, size);
      return whole;
    }
    const sparse = Buffer.from(new ArrayBuffer(size));
    readRange(descriptor, path, sparse, 0, headerSize);
    const ranges = neededRanges(sparse, (start, end) => readRange(descriptor, path, sparse, start, end));
    for (const [start, end] of ranges) readRange(descriptor, path, sparse, start, end);
    return sparse;
  });
}

/**
 * The byte ranges that a link looks at, merged and in order. A damaged header yields no range that leaves
 * the file; what is wrong with it is for `readObject` to say.
 */
function neededRanges(bytes: Buffer, read: (start: number, end: number) => void): [number, number][] {
  const size = bytes.byteLength;
  const headers = Number(bytes.readBigUInt64LE(40));
  if (headers + sectionHeaderSize > size) return [];
  read(headers, headers + sectionHeaderSize);
  const count = bytes.readUInt16LE(60) || Number(bytes.readBigUInt64LE(headers + 32));
  const end = headers + count * sectionHeaderSize;
  if (end > size) return [];
  read(headers, end);

  const flagsOf = (section: number) => bytes.readUInt32LE(headers + section * sectionHeaderSize + 8);
  const isNeeded = (at: number) => {
    const type = bytes.readUInt32LE(at + 4);
    if (type === sectionType.nobits) return false;
    if (type === sectionType.rela) {
      const target = bytes.readUInt32LE(at + 44);
      return target < count && (flagsOf(target) & sectionFlag.alloc) !== 0;
    }
    return type !== sectionType.progbits || (bytes.readUInt32LE(at + 8) & sectionFlag.alloc) !== 0;
  };
  const ranges: [number, number][] = [];
  for (let at = headers; at < end; at += sectionHeaderSize) {
    const start = Number(bytes.readBigUInt64LE(at + 24));
    const stop = Math.min(start + Number(bytes.readBigUInt64LE(at + 32)), size);
    if (stop > start && isNeeded(at)) ranges.push([start, stop]);
  }
  ranges.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [start, stop] of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last[1] + mergeGap) last[1] = Math.max(last[1], stop);
    else merged.push([start, stop]);
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

function readRange(descriptor: number, path: string, into: Buffer, start: number, end: number): void {
  for (let at = start; at < end; ) {
    const got = readSync(descriptor, into, at, end - at, at);
    if (got === 0) fail("file-unreadable", { file: path, cause: "it became shorter while it was read" });
    at += got;
  }
}
