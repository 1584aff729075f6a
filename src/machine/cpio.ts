// SPDX-License-Identifier: Apache-2.0
/**
 * Writes an archive in the "newc" form of cpio, the only one that the kernel unpacks (its
 * Documentation/driver-api/early-userspace/buffer-format.rst): for each file a header of 13 numbers of eight
 * hexadecimal digits behind the magic 070701, the name with its NUL, and the content; name and content are
 * each filled up to a multiple of four bytes. Times, owners and inode numbers are fixed: same files, same bytes.
 */
export interface CpioEntry {
  /** Relative, without a leading slash. */
  readonly name: string;
  /** `S_IFREG | 0755` and the like. */
  readonly mode: number;
  readonly content?: Uint8Array;
  /** Major and minor number of a device. */
  readonly device?: readonly [number, number];
}

const fill = (length: number) => Buffer.alloc((4 - (length % 4)) % 4);

function archived(
  { name, mode, content = new Uint8Array(), device = [0, 0] }: CpioEntry,
  inode: number,
): Buffer {
  const path = Buffer.from(`${name}\0`);
  const [owner, group, links, time, major, minor, checksum] = [0, 0, 1, 0, 0, 0, 0];
  const numbers = [
    inode,
    mode,
    owner,
    group,
    links,
    time,
    content.length,
    major,
    minor,
    ...device,
    path.length,
  ];
  const header = [...numbers, checksum].map((number) => number.toString(16).padStart(8, "0")).join("");
  const head = Buffer.concat([Buffer.from(`070701${header}`, "latin1"), path]);
  return Buffer.concat([head, fill(head.length), content, fill(content.length)]);
}

export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const end: CpioEntry = { name: "TRAILER!!!", mode: 0 };
  return Buffer.concat([...entries.map((entry, index) => archived(entry, index + 1)), archived(end, 0)]);
}
