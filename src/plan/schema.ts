// SPDX-License-Identifier: Apache-2.0
/**
 * The schema of `plan.json`; docs/plan.schema.json is made from it. A plan comes from a file that anybody may
 * have written, and everything that reads one reads it through this.
 */

import { z } from "zod";
import { appearances, type Present } from "../3-component/component.js";
import { kinds } from "../elf/kind.js";
import { type Plan, planVersion } from "./plan.js";

const bytes = z.int().nonnegative().describe("Bytes.");
const count = z.int().nonnegative();
const names = z.array(z.string());
const kind = z.enum(kinds);
const referenceKind = z.enum(["branch", "address", "data"]);
const canAppear = z.enum(appearances);
const byKind = z.partialRecord(z.enum([...kind.options, "padding"]), bytes);
const numbers = z.array(z.int());

const reference = z.object({
  from: z.string().describe("`drivers/acpi/pci_root.o:(.text.acpi_pci_root_add)`"),
  by: z.string().optional().describe("The function or table of init code that it lies in."),
  offset: count.describe("Of the field that the relocation writes, in `from`."),
  to: z.string(),
  kind: referenceKind,
});

const range = z.object({ offset: count.describe("Bytes from the image's start."), bytes });

const present: z.ZodType<Present> = z.lazy(() =>
  z.discriminatedUnion("op", [
    z.object({ op: z.literal("acpiTable"), signature: z.string() }),
    z.object({ op: z.literal("cpu"), vendor: z.string(), families: z.array(z.int()).optional() }),
    z.object({ op: z.literal("hypervisor"), name: z.string() }),
    z.object({ op: z.literal("memoryAbove"), bytes }),
    z.object({ op: z.literal("pciDevice"), id: z.string() }),
    z.object({ op: z.literal("modalias"), patterns: z.array(z.string()) }),
    z.object({ op: z.literal("never") }),
    z.object({ op: z.enum(["any", "all"]), of: z.array(present) }),
    z.object({ op: z.literal("not"), of: present }),
  ]),
) as z.ZodType<Present>;

const image = z.object({
  address: z.string().describe("Address of the first byte, `_text`, in hexadecimal."),
  bytes: bytes.describe("From `_text` to `_end`."),
  sections: z.array(range.extend({ name: z.string(), memory: z.enum([...kinds, "init"]) })),
  regions: z.array(range.extend({ name: z.string() })),
  kallsyms: range.optional().describe("The kernel's own symbol table, in `.rodata`."),
  tables: z
    .array(range.extend({ name: z.string() }))
    .optional()
    .describe("Tables that may leave, whole pages."),
  gates: z.array(range.extend({ symbol: z.string() })),
  entryText: range
    .optional()
    .describe("What page-table isolation maps for user space, with the 2 MB that it lies in."),
  padding: z
    .array(range)
    .describe("Runs of one byte in text, data and bss, a page long or longer, that no symbol covers."),
  leavingPadding: z.array(range).describe("Those pages of it of which the kernel knows that they may leave."),
  kernelFrees: z
    .array(range.extend({ by: z.string() }))
    .describe("What the kernel frees by itself while it boots, and by which function."),
});

const columns = z.object({
  objects: names.describe("In link order."),
  unitsOf: numbers.describe(
    "How many of the units each object has; units are in the order of their objects.",
  ),
  kinds: z.array(kind),
  roles: z.array(
    z.enum([
      ...["plain", "fixed", "no-gate", "init", "patch", "calls", "describes", "exports"],
      ...["discarded", "unknown"],
    ] as [Plan["columns"]["roles"][number]]),
  ),
  ownerSets: z.array(names),
  referenceKinds: z.array(referenceKind),
  section: names.describe("Value i of this and of the columns up to `referencesOf` is unit i's."),
  bytes: numbers,
  kind: numbers.describe("Index into `kinds`."),
  role: numbers.describe("Index into `roles`."),
  owners: numbers.describe("Index into `ownerSets`; 0 is the empty set: resident."),
  region: numbers.describe("0: it stays; else 1 more than the index of its region."),
  referencesOf: numbers.describe("How many references of its own follow in `to` and `how`."),
  merged: numbers.describe("Units whose bytes the linker merges with equal ones of other units."),
  to: numbers.describe("The units referred to, each once for each kind, those of unit 0 first."),
  how: numbers.describe("Index into `referenceKinds`."),
});

export const planSchema = z
  .object({
    version: z.literal(planVersion),
    components: z.array(
      z.object({
        name: z.string(),
        title: z.string(),
        state: z.enum(["planned", "refused", "not-built"]),
        canAppear,
        hasPadding: z
          .boolean()
          .describe("Its memory is the padding of the kernel's image, which the final link finds."),
        isTable: z
          .literal(true)
          .optional()
          .describe("It is a table of the kernel, the size of which the final link finds."),
        isAutomatic: z
          .literal(true)
          .optional()
          .describe(
            "It is a built-in driver that no manifest describes: its exit function is called before it leaves.",
          ),
        isFoundLate: z
          .literal(true)
          .optional()
          .describe("It is automatic, and its devices are found in the background, after the initcalls."),
        after: names.optional().describe("Components that are looked for before it."),
        needs: names.optional().describe("Components that stay as long as it does."),
        kernels: z.string().optional().describe("Which kernels contain it."),
        lacks: names
          .optional()
          .describe("What a manifest that ships with Jettison names and this build does not have."),
        present: present
          .optional()
          .describe("Asked of a machine's description, to predict whether it leaves there."),
        owned: byKind.describe("Bytes of all its units."),
        leaving: byKind.describe("Bytes of those that lie in regions."),
        gates: count,
      }),
    ),
    regions: z.array(z.object({ name: z.string(), kind, owners: names, bytes, pages: count, units: count })),
    gates: z.array(
      z.object({
        symbol: z.string(),
        function: z.string(),
        object: z.string(),
        region: z.string(),
        answer: z.string(),
        isExported: z.boolean(),
        crossings: z.array(reference),
      }),
    ),
    pins: z.array(z.object({ unit: z.string(), owners: names, bytes, because: reference })),
    refusals: z.array(
      z.object({
        component: z.string(),
        reason: z.string() as unknown as z.ZodType<Plan["refusals"][number]["reason"]>,
        text: z.string(),
        unanswered: names.optional().describe("Every function that needs an answer and has none."),
        chain: z.array(reference),
      }),
    ),
    exports: z.array(
      z.object({
        symbol: z.string(),
        unit: z.string(),
        components: names,
        fate: z.union([
          z.object({ does: z.literal("gate"), answer: z.string() }),
          z.object({ does: z.literal("refuse"), answer: z.string() }),
          z.object({
            does: z.literal("keep"),
            why: z.enum(["exported", "pinned", "component-refused", "too-small"]),
          }),
        ]),
      }),
    ),
    tooSmall: z.array(z.object({ kind, owners: names, bytes })),
    units: z.array(
      z.object({
        object: z.string(),
        section: z.string(),
        kind,
        bytes,
        owners: names,
        rule: z
          .string()
          .optional()
          .describe("The manifest's rule that claimed it: `components/iommu.yaml:12`."),
        matched: z.string().optional().describe("What of the rule matched."),
        region: z.string().optional(),
      }),
    ),
    columns,
    image: image.optional(),
    totals: z.object({
      objects: count,
      units: count,
      bytes: z.record(kind, bytes),
      references: z.record(z.string(), count),
    }),
  })
  .describe(
    "The plan of one build: what of a kernel can leave the memory of a machine, and why the rest stays.",
  );

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;
/** Fails to compile where the two differ. */
const isSame: Plan extends Frozen<z.input<typeof planSchema>> ? true : false = true;
void isSame;

/** JSON Schema of `plan.json`, draft 2020-12. */
export const planJsonSchema = () => z.toJSONSchema(planSchema, { io: "input" });
