// SPDX-License-Identifier: Apache-2.0
/** The form of a manifest file. docs/manifests.md explains each part. */

import { z } from "zod";
import { kinds } from "../elf/kind.js";
import { parseGate } from "./answer.js";
import { appearances, tableNames } from "./component.js";
import { errnoByName } from "./errno.js";
import { nearest } from "./nearest.js";
import { areInOrder, versionShape } from "./versions.js";

/** The message of a key that is missing, or of one that holds something else. */
const missing = (what: string, input: unknown) =>
  input === undefined ? `${what} is missing` : `${what} is expected here`;
const expected = (what: string) => ({ error: (issue: { input?: unknown }) => missing(what, issue.input) });

/** A mapping that knows its keys; any other is answered, one line each, with those most like it. */
function form<Shape extends z.core.$ZodLooseShape>(what: string, shape: Shape) {
  const known = Object.keys(shape);
  const stranger = (key: string) => {
    const near = nearest(key, known);
    return `${what} has no ${key}: ${near.length > 0 ? `nearest ${near.join(", ")}` : `it has ${known.join(", ")}`}`;
  };
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map(stranger).join("\n")
        : missing(`${what}, a mapping,`, issue.input),
  });
}

/** Refuses a mapping that does not hold just one of `keys`. */
function justOne(what: string, keys: readonly string[]) {
  return (value: object, context: z.core.$RefinementCtx) => {
    const given = keys.filter((key) => (value as Record<string, unknown>)[key] !== undefined);
    if (given.length === 1) return;
    const but = given.length > 1 ? `, not ${given.join(" and ")}` : "";
    context.addIssue(`${what} takes one of ${keys.join(", ")}${but}`);
  };
}

const disorder = "since is a later version than until";

const text = (what: string) => z.string(expected(what)).trim().min(1, `${what} is empty`);
const name = (what: string, shape: RegExp) =>
  z.string(expected(what)).regex(shape, `${what} is expected here`);
const choice = <const Values extends readonly [string, ...string[]]>(what: string, values: Values) =>
  z.enum(values, expected(`${what} (one of ${values.join(", ")})`));

const version = name('a version of Linux in quotes, as in "6.10",', versionShape);
const versions = { since: version.optional(), until: version.optional() };

const symbol = name("a symbol", /^[\p{L}_][\p{L}\p{M}\p{N}_.$]*$/u);
const object = name("an object's path from the build's root", /^[^\s*?/][^\s*?]*\.o$/);

const pattern = text("a pattern");
const patterns = z.union([pattern, z.array(pattern).min(1, "a list of patterns is empty")]);

export const ruleKinds = ["objects", "sections", "symbols", "onlyCalledBy", "padding", "table"] as const;
const codeRule = form("a rule of code", {
  objects: patterns.optional(),
  sections: patterns.optional(),
  symbols: patterns.optional(),
  onlyCalledBy: z.literal("init", expected("init")).optional(),
  padding: z.literal("image", expected("image")).optional(),
  table: choice("a table", tableNames).optional(),
  readers: z.union([object, z.array(object).min(1, "a list of objects is empty")]).optional(),
  except: patterns.optional(),
  optional: z.literal(true, expected("true")).optional(),
  ...versions,
})
  .superRefine(justOne("a rule of code", ruleKinds))
  .refine(
    ({ table, readers }) => (table === undefined) === (readers === undefined),
    "a table and its readers belong together",
  )
  .refine(areInOrder, disorder);

export type RawInUse =
  | "never"
  | {
      nonZero?: string | undefined;
      pointerSet?: string | undefined;
      listNotEmpty?: string | undefined;
      calls?: string | undefined;
      equals?: Record<string, number | boolean | string> | undefined;
      ifBuilt?: string | undefined;
      since?: string | undefined;
      until?: string | undefined;
      any?: RawInUse[] | undefined;
      all?: RawInUse[] | undefined;
      not?: RawInUse | undefined;
    };

const tests = ["nonZero", "pointerSet", "listNotEmpty", "calls", "equals"] as const;
const inUse: z.ZodType<RawInUse> = z.lazy(() =>
  z.union([
    z.literal("never"),
    form("inUse", {
      nonZero: symbol.optional(),
      pointerSet: symbol.optional(),
      listNotEmpty: symbol.optional(),
      calls: symbol.optional(),
      equals: z
        .record(symbol, z.union([z.int(), z.boolean(), symbol]), expected("a symbol and its value"))
        .refine((pairs) => Object.keys(pairs).length === 1, "equals takes one symbol and its value")
        .optional(),
      ifBuilt: object.optional(),
      ...versions,
      any: inUses.optional(),
      all: inUses.optional(),
      not: inUse.optional(),
    })
      .superRefine(justOne("inUse", [...tests, "any", "all", "not"]))
      .refine(
        (test) =>
          (test.ifBuilt ?? test.since ?? test.until) === undefined ||
          tests.some((op) => test[op] !== undefined),
        "ifBuilt, since and until belong to a test of a symbol, not to any, all or not",
      )
      .refine(areInOrder, disorder),
  ]),
);
const inUses = z.array(inUse).min(1, "a list of tests is empty");

export type RawPresent =
  | "never"
  | {
      acpiTable?: string | undefined;
      cpu?: { vendor: string; families?: number[] | undefined } | undefined;
      hypervisor?: string | undefined;
      memoryAbove?: string | undefined;
      pciDevice?: string | undefined;
      any?: RawPresent[] | undefined;
      all?: RawPresent[] | undefined;
      not?: RawPresent | undefined;
    };

const facts = ["acpiTable", "cpu", "hypervisor", "memoryAbove", "pciDevice", "any", "all", "not"] as const;
const present: z.ZodType<RawPresent> = z.lazy(() =>
  z.union([
    z.literal("never"),
    form("present", {
      acpiTable: name("an ACPI table's signature", /^[A-Z0-9_!]{4}$/).optional(),
      cpu: form("cpu", {
        vendor: text("a CPU vendor as CPUID gives it"),
        families: z.array(z.int("a CPU family is expected here")).min(1, "families is empty").optional(),
      }).optional(),
      hypervisor: choice("a hypervisor", [
        "kvm",
        "hyperv",
        "vmware",
        "xen-hvm",
        "xen-pv",
        "xen-pvh",
      ]).optional(),
      memoryAbove: name("an amount of memory, as in 4G,", /^[1-9]\d{0,3}[MGT]$/).optional(),
      pciDevice: name("a PCI vendor and device, as in 1af4:1057,", /^[0-9a-f]{4}:[0-9a-f]{4}$/).optional(),
      any: presents.optional(),
      all: presents.optional(),
      not: present.optional(),
    }).superRefine(justOne("present", facts)),
  ]),
);
const presents = z.array(present).min(1, "a list of tests is empty");

const gates = z.record(
  name("a function's name or a pattern of names", /^[\p{L}\p{M}\p{N}_.$*?]+$/u),
  z.unknown().superRefine((value, context) => {
    if (parseGate(value) !== undefined) return;
    const near =
      typeof value === "string"
        ? nearest(
            value,
            [...errnoByName.keys()].map((errno) => `-${errno}`),
          )
        : [];
    const hint = near.length > 0 ? `: nearest ${near.join(", ")}` : "";
    context.addIssue(
      `an answer is void, null, true, false, a whole number or an error such as -ENODEV, { expected: <one of these> }, or { function: <another function> }; for some versions { answer: <one of these>, since: "6.2", until: "6.5" }, or a list of these without overlap${hint}`,
    );
  }),
  expected("gates, a mapping of functions to their answers,"),
);

const componentName = name(
  "a component's name, lower-case letters, digits and hyphens,",
  /^[a-z][a-z0-9-]*$/,
);
const others = z.union([componentName, z.array(componentName).min(1, "a list of components is empty")]);

/** No wildcards: nobody has read the functions that a pattern matches in the next version of the kernel. */
const named = name("the name of a function or an object, without wildcards,", /^[A-Za-z_][\w.$]*$/);
const namedOnes = z.union([named, z.array(named).min(1, "a list of names is empty")]);
const registration = form("an entry of registers", {
  by: namedOnes,
  in: object.optional(),
  except: namedOnes.optional(),
  optional: z.literal(true, expected("true")).optional(),
  ...versions,
  why: text("why, the place in the source that shows it,"),
}).refine(areInOrder, disorder);
const option = name("an option of Kconfig, without CONFIG_,", /^(?!CONFIG_)[A-Z0-9_]+$/);

const component = form("a component", {
  title: text("title"),
  kernels: text("kernels, which versions contain it,").optional(),
  config: z.union([option, z.array(option).min(1, "a list of options is empty")]).optional(),
  after: others.optional(),
  needs: others.optional(),
  code: z
    .array(codeRule, expected("code, a list of rules,"))
    .min(1, "code is empty")
    .refine(
      (rules) => rules.length === 1 || rules.every(({ padding, table }) => (padding ?? table) === undefined),
      "padding, or a table, is all that its component has",
    ),
  resident: patterns.optional(),
  inUse,
  present: present.optional(),
  canAppear: choice("canAppear", appearances),
  registers: z
    .array(registration, expected("registers, a list of init code,"))
    .min(1, "registers is empty")
    .optional(),
  gates: gates.optional(),
  exports: choice("exports", ["gate", "refuse", "keep"]).optional(),
});
export type RawComponent = z.infer<typeof component>;

const bundle = z.array(componentName).min(2, "a list of components that leave together has two or more");
const packedRegion = form("a region", {
  kind: choice("kind", kinds),
  of: z.array(componentName).min(1, "a list of components is empty"),
});
/** Its components need not be described here, nor be built in. */
const packing = form("packing", {
  together: z.array(bundle, expected("together, a list of lists,")).optional(),
  stay: z.array(packedRegion, expected("stay, a list of regions,")).optional(),
  leave: z.array(packedRegion, expected("leave, a list of regions,")).optional(),
});

export const schema = form("a manifest", {
  components: z.record(componentName, component, expected("components, a mapping,")).optional(),
  gates: gates.optional(),
  packing: packing.optional(),
}).refine(
  ({ components, packing }) => components !== undefined || packing !== undefined,
  "components is missing",
);
export type RawManifest = z.infer<typeof schema>;

export type Path = readonly (string | number)[];

/** One thing that is wrong, and the part of the file that it is about: a value, or a key where `atKey`. */
export interface Issue {
  readonly path: Path;
  readonly what: string;
  readonly atKey: boolean;
}

/** Zod's issues, one per place. Among the branches of a union, the one that fits furthest was meant. */
export function flattenIssue(issue: z.core.$ZodIssue, above: Path = []): Issue[] {
  const path = [...above, ...(issue.path as Path)];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.message
        .split("\n")
        .map((what, index) => ({ path: [...path, issue.keys[index]!], what, atKey: true }));
    case "invalid_key":
      return [{ path, what: issue.issues[0]!.message, atKey: true }];
    case "invalid_union": {
      const meant = issue.errors.find((branch) =>
        branch.every((one) => one.path.length > 0 || !isWrongKind(one)),
      );
      return (meant ?? issue.errors.at(-1)!).flatMap((one) => flattenIssue(one, path));
    }
    default:
      return [{ path, what: issue.message, atKey: false }];
  }
}

const isWrongKind = (issue: z.core.$ZodIssue) =>
  issue.code === "invalid_type" || issue.code === "invalid_value";
