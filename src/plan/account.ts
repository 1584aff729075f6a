// SPDX-License-Identifier: Apache-2.0
/**
 * Accounts for each byte of the image once: freed by the kernel itself, leaving, in a hole that stays, or
 * in use. `.brk` counts as used: `reserve_brk()` keeps the part of it that early code has taken.
 */
import { sum } from "../sum.js";
import { pageSize } from "../x86/x86.js";
import type { ImageRange, PlanImage } from "./image.js";

export interface AccountRow {
  readonly fate: "used" | "freed by the kernel" | "leaves" | "hole that stays";
  /** The function that frees it, what leaves, or why the hole stays; "" for what is used. */
  readonly why: string;
  readonly bytes: number;
}

/** Rows of no bytes are left out; the others add up to the image's bytes. */
export function accountForImage(image: PlanImage): readonly AccountRow[] {
  const rows: AccountRow[] = [];
  const add = (fate: AccountRow["fate"], why: string, bytes: number) => {
    const known = rows.findIndex((row) => row.fate === fate && row.why === why);
    if (known < 0) rows.push({ fate, why, bytes });
    else rows[known] = { fate, why, bytes: rows[known]!.bytes + bytes };
  };
  for (const { by, bytes } of image.kernelFrees) add("freed by the kernel", by, bytes);
  for (const { bytes } of image.regions) add("leaves", "regions", bytes);
  for (const { bytes } of image.leavingPadding) add("leaves", "padding", bytes);
  for (const run of image.padding)
    for (const hole of subtract(run, image.leavingPadding))
      add("hole that stays", whyStays(image, hole), hole.bytes);
  const found = sum(rows.map(({ bytes }) => bytes));
  return [{ fate: "used" as const, why: "", bytes: image.bytes - found }, ...rows].filter(
    ({ bytes }) => bytes > 0,
  );
}

/** A range without others, which are in ascending order. */
function subtract({ offset, bytes }: ImageRange, others: readonly ImageRange[]): ImageRange[] {
  const left: ImageRange[] = [];
  const end = offset + bytes;
  let from = offset;
  for (const other of others) {
    const until = other.offset + other.bytes;
    if (until <= from || other.offset >= end) continue;
    if (other.offset > from) left.push({ offset: from, bytes: other.offset - from });
    from = until;
  }
  return from < end ? [...left, { offset: from, bytes: end - from }] : left;
}

function whyStays({ sections }: PlanImage, { offset, bytes }: ImageRange): string {
  const pages = Math.floor((offset + bytes) / pageSize) - Math.ceil(offset / pageSize);
  if (pages <= 0) return "no whole page";
  const section = sections.find((one) => offset >= one.offset && offset < one.offset + one.bytes);
  // A pointer one past the end of other text may lead into the first page behind it. With compact text the hole before the
  // SRSO thunk lies among text that stays.
  if (section?.memory === "text")
    return "a number that may be an address in it, no fill before it, or before the text that may leave";
  return "too small to split a large mapping of data for it, or a number that may be an address in it";
}
