// SPDX-License-Identifier: Apache-2.0
/** The form of results of boots in files. Sizes are in bytes. */
import { z } from "zod";

export const bytes = z.int().nonnegative();
export const component = z.object({
  component: z.string(),
  state: z.enum(["kept", "jettisoned", "refused", "withheld"]),
  reason: z.string(),
  bytes,
});

const counts = z.object({ small: bytes, large: bytes });
export const mappings = z.object({ before: counts, after: counts });

export const memory = z.object({ free: bytes, pageTables: bytes, directMap4k: bytes, directMap2M: bytes });

/** One boot, as `jettison boot --json` prints it and a summary for KernelCI has it. */
export const boot = z.object({
  machine: z.string(),
  mode: z.string().nullable(),
  /** A saved console has it only if the guest's program ran. */
  memTotal: bytes.optional(),
  components: z.array(component.extend({ gateCalls: bytes.optional() })),
  pages: bytes,
  selftest: z.object({ pages: bytes, failures: bytes }).nullable(),
  fill: z.object({ tmpfsBytes: bytes, slabBytes: bytes }).nullish(),
  mappings: mappings.nullish(),
  releaseNs: bytes.nullish(),
});

export type Boot = z.infer<typeof boot>;
