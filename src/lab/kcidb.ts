// SPDX-License-Identifier: Apache-2.0
/**
 * Results as KernelCI's database takes them (KCIDB I/O schema 5.3, package kcidb-io): one build, and a test for each check of
 * each machine. The test that stands for a whole boot has the boot in `misc`, from which `jettison report` reads it back.
 * Ids are made from contents: the same boots give the same ids, however often they are sent.
 */

import { createHash } from "node:crypto";
import { pageSize } from "../x86/x86.js";
import { type Check, checkBoot, type Outcome, statusOf } from "./checks.js";

export interface SummaryOptions {
  /** The name under which the database knows the sender: lower-case letters, digits and `_`. */
  readonly origin: string;
  /** Release of the kernel that was booted. */
  readonly release: string | undefined;
  /** Hash of the image. */
  readonly sha256: string;
  /** A checkout that the database knows already; else one is made of the release. */
  readonly checkout?: string;
}

export interface LabOutcome extends Outcome {
  readonly title: string;
}

const statuses = { pass: "PASS", fail: "FAIL", skip: "SKIP" } as const;

/** The schema's bound. */
const longestExcerpt = 16384;

export function summariseForKernelCi(outcomes: readonly LabOutcome[], options: SummaryOptions): object {
  const { origin, release, sha256, checkout } = options;
  const id = (...parts: readonly unknown[]) =>
    `${origin}:${createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 40)}`;
  const version = release === undefined ? {} : { comment: `Linux ${release}` };
  const checkoutId = checkout ?? id("checkout", release ?? sha256);
  const buildId = id("build", checkoutId, sha256);
  return {
    version: { major: 5, minor: 3 },
    ...(checkout === undefined ? { checkouts: [{ id: checkoutId, origin, ...version, valid: true }] } : {}),
    builds: [
      {
        ...{ id: buildId, checkout_id: checkoutId, origin, architecture: "x86_64", status: "PASS" },
        misc: { image_sha256: sha256 },
      },
    ],
    tests: outcomes.flatMap((outcome) => {
      const { machine, title, boot, failure } = outcome;
      const checks = checkBoot(outcome);
      const common = {
        build_id: buildId,
        origin,
        environment: { comment: title, misc: { platform: machine } },
      };
      const toTest = (path: string, { status, detail }: Omit<Check, "name">) => ({
        id: id("test", buildId, outcome, path),
        ...common,
        path,
        status: statuses[status],
        comment: detail,
      });
      const whole = {
        ...toTest("jettison", {
          status: statusOf(checks),
          detail: boot === undefined ? checks[0]!.detail : `${boot.pages} pages freed`,
        }),
        ...(boot === undefined
          ? {}
          : {
              number: { value: boot.pages * pageSize, unit: "B", prefix: "binary" },
              misc: { jettison: boot },
            }),
        ...(failure === undefined ? {} : { log_excerpt: failure.console.slice(0, longestExcerpt) }),
      };
      return [whole, ...checks.map((check) => toTest(`jettison.${check.name}`, check))];
    }),
  };
}
