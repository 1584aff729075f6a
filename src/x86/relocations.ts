// SPDX-License-Identifier: Apache-2.0
/** Relocation types that a relocatable x86-64 object of a kernel can hold (psABI, table 4.9). */
export const relocationType = {
  none: 0,
  r64: 1,
  pc32: 2,
  plt32: 4,
  r32: 10,
  r32s: 11,
  pc64: 24,
} as const;

/** Bytes that a relocation of each known type writes; a type that is absent here is unknown. */
export const relocationWidth: ReadonlyMap<number, number> = new Map([
  [relocationType.none, 0],
  [relocationType.r64, 8],
  [relocationType.pc32, 4],
  [relocationType.plt32, 4],
  [relocationType.r32, 4],
  [relocationType.r32s, 4],
  [relocationType.pc64, 8],
]);

/** Whether a relocation's value is the distance of its target from its field. In data `pc64` is one, too; in code none is. */
export const isRelative = (type: number) => type === relocationType.pc32 || type === relocationType.plt32;
