// SPDX-License-Identifier: Apache-2.0
/** The schema of `gain.json`; docs/gain.schema.json is made from it. */
import { z } from "zod";
import { type Gain, gainVersion } from "./gain.js";

const bytes = z.int().nonnegative().describe("Bytes.");
const difference = z.int().describe("Bytes; negative where it grew.");
const byKind = (value: z.ZodInt) =>
  z.object({ text: value, rodata: value, data: value, bss: value }).describe("Bytes by kind of memory.");

const memTotal = bytes.describe("MemTotal of /proc/meminfo, in bytes.");

const memory = z
  .object({
    free: bytes.describe("It varies by megabytes from boot to boot."),
    pageTables: bytes,
    directMap4k: bytes,
    directMap2M: bytes,
  })
  .nullable()
  .describe("MemFree, PageTables, DirectMap4k and DirectMap2M of /proc/meminfo; null where not known.");

export const gainSchema = z
  .object({
    version: z.literal(gainVersion),
    kernel: z.string().describe("`6.12.117`"),
    compiler: z.string(),
    images: z.array(
      z.object({
        build: z.string().describe("`plain`, `jettison`, or the name of a rebuild."),
        bytes: bytes.describe("From `_text` to `_end`, gaps between sections included."),
        memory: z.object({ text: bytes, rodata: bytes, data: bytes, bss: bytes, init: bytes }),
        padding: bytes.describe("Of the text: runs of fill, a page long or longer."),
      }),
    ),
    machines: z.array(
      z.object({
        machine: z.string(),
        title: z.string(),
        memTotal: z.object({ plain: memTotal, off: memTotal, on: memTotal, rebuild: memTotal.nullable() }),
        memory: z.object({ plain: memory, off: memory, on: memory }),
        pagesFreed: z.int().nonnegative(),
        givenBack: byKind(bytes).describe("Of the regions that left, without the fill of their last page."),
        saving: z
          .object({
            build: z.string(),
            components: byKind(difference).describe("In objects of components that the rebuild lacks."),
            staying: byKind(bytes).describe("What of these objects does not leave with Jettison."),
            largestStaying: z.array(z.object({ object: z.string(), bytes })),
            elsewhere: byKind(difference).describe("In all other objects."),
            largest: z.array(z.object({ object: z.string(), bytes: difference })),
          })
          .nullable(),
      }),
    ),
  })
  .describe("MemTotal of machines under a plain kernel, Jettison's, and one rebuilt for them.");

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;
/** Fails to compile where the two differ. */
const isSame: Gain extends Frozen<z.input<typeof gainSchema>> ? true : false = true;
void isSame;

export const gainJsonSchema = () => z.toJSONSchema(gainSchema);
