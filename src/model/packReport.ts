// SPDX-License-Identifier: Apache-2.0
/**
 * The data of a report, as bytes. The columns of a plan have millions of numbers and hundreds of thousands of
 * names, which a browser needs a second to read as JSON, but no time to use as arrays:
 *
 *     length of the JSON │ JSON: everything but the columns, and how long each is │ 4-byte columns │ 1-byte columns │ names
 *
 * All numbers are little endian, as on every machine that has a browser.
 */

import type { PlanColumns } from "../plan/columns.js";
import type { Plan } from "../plan/plan.js";
import { sum } from "../sum.js";

type Numbers = ArrayLike<number> & Iterable<number>;

/** `PlanColumns`, and the same in typed arrays. */
export interface ReportColumns
  extends Pick<PlanColumns, "objects" | "kinds" | "roles" | "ownerSets" | "referenceKinds"> {
  readonly unitsOf: Numbers;
  readonly section: { readonly length: number; at(unit: number): string | undefined };
  readonly bytes: Numbers;
  readonly kind: Numbers;
  readonly role: Numbers;
  readonly owners: Numbers;
  readonly region: Numbers;
  readonly referencesOf: Numbers;
  readonly merged: Numbers;
  readonly to: Numbers;
  readonly how: Numbers;
}

export type ReportPlan = Omit<Plan, "columns"> & { readonly columns: ReportColumns };

// biome-ignore format: a list
const wide =
  ["unitsOf", "bytes", "owners", "region", "referencesOf", "merged", "to", "sectionLength"] as const;
/** There are four kinds, three ways to refer, and a dozen roles. */
const narrow = ["kind", "role", "how"] as const;
const groups = [
  [wide, Uint32Array],
  [narrow, Uint8Array],
] as const;
type Name = (typeof wide | typeof narrow)[number];

interface Head {
  readonly data: unknown;
  readonly lengths: Readonly<Record<Name, number>>;
}

const align = (offset: number) => Math.ceil(offset / 4) * 4;

export function packReport<Data extends { readonly plan: Plan }>(data: Data): Uint8Array<ArrayBuffer> {
  const { section, objects, kinds, roles, ownerSets, referenceKinds, ...numbers } = data.plan.columns;
  const columns: Record<Name, readonly number[]> = {
    ...numbers,
    sectionLength: section.map((name) => name.length),
  };
  const head: Head = {
    data: {
      ...data,
      plan: { ...data.plan, columns: { objects, kinds, roles, ownerSets, referenceKinds } },
    },
    lengths: Object.fromEntries(
      Object.entries(columns).map(([name, values]) => [name, values.length]),
    ) as Head["lengths"],
  };
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  const add = (bytes: Uint8Array) => parts.push(bytes, new Uint8Array(align(bytes.length) - bytes.length));
  const json = encoder.encode(JSON.stringify(head));
  add(new Uint8Array(Uint32Array.of(json.length).buffer));
  add(json);
  for (const [names, Type] of groups)
    for (const name of names) add(new Uint8Array(Type.from(columns[name]).buffer));
  add(encoder.encode(section.join("")));
  const packed = new Uint8Array(sum(parts.map(({ length }) => length)));
  let offset = 0;
  for (const part of parts) {
    packed.set(part, offset);
    offset += part.length;
  }
  return packed;
}

/** Views of the bytes: nothing is copied but the names. */
export function unpackReport<Data>(packed: ArrayBuffer): Omit<Data, "plan"> & { readonly plan: ReportPlan } {
  const decoder = new TextDecoder();
  const length = new Uint32Array(packed, 0, 1)[0]!;
  const { data, lengths } = JSON.parse(decoder.decode(new Uint8Array(packed, 4, length))) as Head;
  let offset = align(4 + length);
  const columns = {} as Record<Name, Uint32Array | Uint8Array>;
  for (const [names, Type] of groups)
    for (const name of names) {
      columns[name] = new Type(packed, offset, lengths[name]);
      offset = align(offset + columns[name].byteLength);
    }
  const text = decoder.decode(new Uint8Array(packed, offset)).replace(/\0+$/, "");
  const { sectionLength, ...rest } = columns;
  const start = new Uint32Array(sectionLength.length + 1);
  for (let unit = 0; unit < sectionLength.length; unit++)
    start[unit + 1] = start[unit]! + sectionLength[unit]!;
  const section = {
    length: sectionLength.length,
    at: (unit: number) => text.slice(start[unit], start[unit + 1]),
  };
  const read = data as Omit<Data, "plan"> & { plan: ReportPlan };
  return { ...read, plan: { ...read.plan, columns: { ...read.plan.columns, ...rest, section } } };
}
