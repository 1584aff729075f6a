// SPDX-License-Identifier: Apache-2.0
/**
 * The only input of the proof besides the kernel: `claims.json`. It has the regions with their owners, the padding that leaves, and each
 * single reference by which init code may store an address of something that leaves.
 */
import { readFileSync } from "node:fs";
import { fail } from "../diagnostics.js";

export const claimsVersion = 1;

export interface VerifiedRegion {
  readonly name: string;
  readonly kind: string;
  readonly pages: number;
  readonly owners: readonly string[];
  /**
   * It is a table of the kernel itself, and only these functions may refer to it, by their names in the source: they ask
   * whether it is still there.
   */
  readonly readers?: readonly string[];
}

/** The symbols at both ends of a region. */
export const edgesOfRegion = ({ name, readers }: VerifiedRegion): readonly [string, string] => {
  const label = `__jettison_${readers === undefined ? "region" : "table"}_${name}`;
  return [`${label}_start`, `${label}_end`];
};

/** `f` of `f.constprop.0`: the compiler's copies and parts of a function do what it does. */
export const nameInSource = (name: string) => name.replace(/\..*/, "");

export interface Allowance {
  /** Section of `vmlinux.o`. */
  readonly section: string;
  /** The function or table in there; "" where that has no symbol. */
  readonly from: string;
  readonly region: string;
  /** The function or object of the region; "": a string or a constant, which has no symbol. */
  readonly to: string;
  /** How many fields hold such an address. */
  readonly count: number;
}

/** In pages, counted from `_text`. */
export interface PaddingPiece {
  readonly page: number;
  readonly pages: number;
}

export interface Claims {
  readonly version: typeof claimsVersion;
  readonly regions: readonly VerifiedRegion[];
  readonly padding: readonly PaddingPiece[];
  readonly allowances: readonly Allowance[];
}

/** Reads the claims at `path`, and takes nothing that it does not know. */
export function readClaims(path: string): Claims {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return fail("file-unreadable", { file: path, cause: (error as NodeJS.ErrnoException).code ?? "unknown" });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail("claims-invalid", { file: path, what: (error as Error).message });
  }
  const what = claims(value, "it") ?? findInconsistency(value as Claims);
  if (what !== undefined) fail("claims-invalid", { file: path, what });
  return value as Claims;
}

/** The error of a value that is called `name`. */
type Check = (value: unknown, name: string) => string | undefined;

const check =
  (is: (value: unknown) => boolean, what: string): Check =>
  (value, name) =>
    is(value) ? undefined : `${name} is no ${what}`;
const string = check((value) => typeof value === "string", "string");
const word = check((value) => typeof value === "string" && /^\w[-\w]*$/.test(value), "name");
const count = check((value) => Number.isSafeInteger(value) && (value as number) > 0, "number above 0");

const list =
  (item: Check): Check =>
  (value, name) => {
    if (!Array.isArray(value)) return `${name} is no list`;
    for (const [index, one] of value.entries()) {
      const what = item(one, `${name}[${index}]`);
      if (what !== undefined) return what;
    }
    return undefined;
  };

const optional =
  (one: Check): Check =>
  (value, name) =>
    value === undefined ? undefined : one(value, name);

const object =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, name) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return `${name} is no object`;
    const unknown = Object.keys(value).find((field) => !Object.hasOwn(fields, field));
    if (unknown !== undefined) return `${name} has a field ${unknown}, which is not known`;
    for (const [field, checkField] of Object.entries(fields)) {
      const what = checkField((value as Record<string, unknown>)[field], `${name}.${field}`);
      if (what !== undefined) return what;
    }
    return undefined;
  };

/** In the order of the kernel's numbers; the proof takes no list of those that it checks. */
export const kinds: readonly string[] = ["text", "rodata", "data", "bss"];
const claims = object({
  version: (value, name) =>
    value === claimsVersion ? undefined : `${name} is ${String(value)}, not ${claimsVersion}`,
  regions: list(
    object({
      name: word,
      kind: check((value) => kinds.includes(value as string), "kind of memory"),
      pages: count,
      owners: list(word),
      readers: optional(list(string)),
    }),
  ),
  padding: list(object({ page: count, pages: count })),
  allowances: list(object({ section: string, from: string, region: word, to: string, count })),
});

/** Regions are known by their names; one without owners would leave with anything. */
function findInconsistency({ regions, allowances }: Claims): string | undefined {
  const names = new Set(regions.map(({ name }) => name));
  if (names.size !== regions.length) return "two of its regions have one name";
  const idle = regions.find(({ owners }) => owners.length === 0);
  if (idle !== undefined) return `region ${idle.name} has no owner`;
  const stray = allowances.find(({ region }) => !names.has(region));
  if (stray !== undefined)
    return `${stray.from} is allowed to refer to a region ${stray.region}, which is none`;
  return undefined;
}
