// SPDX-License-Identifier: Apache-2.0
/**
 * The part of KCIDB's I/O schema 5.3 that a summary uses: nothing beside these fields is allowed, and ids begin with an origin.
 * It was written by hand and compared field by field with kcidb_io/schema/v05_03.py of kernelci/kcidb-io (commit 07cc1885a1ec) on
 * 27 November 2026: types, patterns, limits, required fields, statuses. Its pattern of paths comes from an earlier version,
 * which was not looked at. KCIDB's own validator has not read a summary.
 */
import { z } from "zod";

const id = z.string().regex(/^[a-z0-9_]+:.+$/);
const origin = z.string().regex(/^[a-z0-9_]+$/);
const text = z.string().regex(/^[^\0]*$/);
const status = z.enum(["FAIL", "ERROR", "MISS", "PASS", "DONE", "SKIP"]);
const misc = z.record(z.string(), z.unknown());

export const kcidbSchema = z.strictObject({
  version: z.strictObject({ major: z.literal(5), minor: z.int().min(0).max(3) }),
  checkouts: z
    .array(z.strictObject({ id, origin, comment: text.optional(), valid: z.boolean().optional() }))
    .optional(),
  builds: z.array(
    z.strictObject({
      ...{ checkout_id: id, id, origin, status: status.optional(), misc: misc.optional() },
      architecture: z
        .string()
        .regex(/^[a-z0-9_]*$/)
        .optional(),
    }),
  ),
  tests: z.array(
    z.strictObject({
      ...{
        build_id: id,
        id,
        origin,
        status: status.optional(),
        comment: text.optional(),
        misc: misc.optional(),
      },
      environment: z.strictObject({ comment: text.optional(), misc: misc.optional() }).optional(),
      path: z
        .string()
        .regex(/^([a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*)?$/)
        .optional(),
      log_excerpt: text.max(16384).optional(),
      number: z
        .strictObject({
          value: z.number(),
          unit: text.optional(),
          prefix: z.enum(["metric", "binary"]).optional(),
        })
        .optional(),
    }),
  ),
});
