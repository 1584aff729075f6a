// SPDX-License-Identifier: Apache-2.0
/** Damage, the same for the same seed. */

/** Numbers for one case of a seed (mulberry32: 32 bits of state, good enough to choose bytes). */
export function openRandom(seed: number, run: number) {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(run + 1, 0x85ebca6b)) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  /** A whole number below `limit`. */
  const below = (limit: number) => (limit <= 0 ? 0 : next() % limit);
  return { below, pick: <T>(from: readonly T[]): T => from[below(from.length)]! };
}

export type Random = ReturnType<typeof openRandom>;

/** Numbers at which sums overflow, signs turn and limits end. */
const interesting = [
  0n,
  1n,
  2n,
  7n,
  8n,
  0x18n,
  0x40n,
  0x7fn,
  0xffn,
  0xff00n,
  0xfff1n,
  0xfff2n,
  0xffffn,
  0x1_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1f_ffff_ffff_ffffn,
  0x20_0000_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_fff0n,
  0xffff_ffff_ffff_ffffn,
];

/** Places and widths of the numbers that a file is made of. */
export interface Field {
  readonly at: number;
  readonly width: 1 | 2 | 4 | 8;
}

function writeField(bytes: Buffer, { at, width }: Field, value: bigint): void {
  for (let byte = 0; byte < width && at + byte < bytes.byteLength; byte++)
    bytes[at + byte] = Number((value >> BigInt(8 * byte)) & 0xffn);
}

/** One to eight changes: fields set to what is interesting, bytes turned, pieces cut, doubled and moved. */
export function mutate(original: Buffer, fields: readonly Field[], random: Random): Buffer {
  let bytes = Buffer.from(original);
  for (let change = random.below(random.pick([1, 1, 2, 8])); change >= 0; change--) {
    const size = bytes.byteLength;
    const at = random.below(size);
    const length = 1 + random.below(Math.min(size - at, 200));
    switch (random.below(12)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes[at]! ^= 1 << random.below(8);
        break;
      case 2:
        writeField(bytes, { at, width: random.pick([1, 2, 4, 8]) }, random.pick(interesting));
        break;
      case 3:
        if (random.below(4) === 0) bytes = bytes.subarray(0, at);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 6:
        bytes.copy(bytes, random.below(size), at, at + length);
        break;
      case 7:
        bytes.fill(random.pick([0, 0x20, 0xff]), at, at + length);
        break;
      default: {
        const field = fields.length > 0 ? random.pick(fields) : { at, width: 4 as const };
        const value =
          random.below(3) === 0
            ? BigInt(random.below(0x1_0000))
            : random.pick(interesting) + BigInt(random.below(3));
        writeField(bytes, field, value);
      }
    }
    if (bytes.byteLength === 0) break;
  }
  return bytes;
}

/** The fields of an ELF file: of its header, its section headers, its symbols and its relocations. */
export function listElfFields(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  const add = (start: number, widths: readonly Field["width"][]) => {
    let at = start;
    for (const width of widths) {
      fields.push({ at, width });
      at += width;
    }
  };
  add(16, [2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2]);
  const headers = Number(bytes.readBigUInt64LE(40));
  const count = bytes.readUInt16LE(60);
  for (let section = 0; section < count; section++) {
    const header = headers + section * 64;
    add(header, [4, 4, 8, 8, 8, 8, 4, 4, 8, 8]);
    const type = bytes.readUInt32LE(header + 4);
    const start = Number(bytes.readBigUInt64LE(header + 24));
    const end = start + Number(bytes.readBigUInt64LE(header + 32));
    for (let at = start; type === 2 && at < end; at += 24) add(at, [4, 1, 1, 2, 8, 8]);
    for (let at = start; type === 4 && at < end; at += 24) add(at, [8, 4, 4, 8]);
    for (let at = start; type === 17 && at < end; at += 4) add(at, [4]);
  }
  return fields;
}
