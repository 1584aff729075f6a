// SPDX-License-Identifier: Apache-2.0
/** The results of a boot as checks that pass or fail: the same for KTAP and for KernelCI. */

import type { Boot } from "../boots/bootJson.js";
import { sum } from "../sum.js";
import { pageSize } from "../x86/x86.js";

export interface Check {
  /** Letters, digits, `_` and `-`, in both protocols. */
  readonly name: string;
  readonly status: "pass" | "fail" | "skip";
  /** One line. */
  readonly detail: string;
}

/** A machine that was booted: what it showed, or why it showed nothing. */
export interface Outcome {
  readonly machine: string;
  readonly boot: Boot | undefined;
  /** A fault that the kernel reported, or why the boot did not come to its end. */
  readonly failure?: { readonly cause: string; readonly console: string };
}

export const hasFailed = (checks: readonly Check[]) => checks.some(({ status }) => status === "fail");

/** The result of the whole: a machine of which nothing could be checked is skipped. */
export const statusOf = (checks: readonly Check[]): Check["status"] =>
  hasFailed(checks) ? "fail" : checks.some(({ status }) => status === "pass") ? "pass" : "skip";

const check = (name: string, isGood: boolean | undefined, detail: string): Check => ({
  name: name.replace(/[^\w-]/g, "_"),
  status: isGood === undefined ? "skip" : isGood ? "pass" : "fail",
  detail: detail.replace(/[\r\n#]+/g, " "),
});

const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

export function checkBoot({ boot, failure }: Outcome): Check[] {
  if (boot === undefined) return [check("boot", false, failure?.cause ?? "it showed nothing")];
  const { mode, components, pages, selftest, fill } = boot;
  const leaving = components.filter(({ state }) => state === "jettisoned");
  const left = sum(leaving.map((one) => one.bytes)) / pageSize;
  const hasJettison = mode !== null || components.length > 0;
  return [
    check(
      "boot",
      failure === undefined && hasJettison,
      failure?.cause ?? (hasJettison ? `mode ${mode ?? "unknown"}` : "its kernel has no Jettison"),
    ),
    check("pages", left === pages, `${pages} freed, ${left} of components that left`),
    check(
      "selftest",
      selftest === null
        ? mode === "selftest"
          ? false
          : undefined
        : selftest.failures === 0 && selftest.pages === pages,
      selftest === null
        ? mode === "selftest"
          ? "it has no result"
          : "it did not run: jettison=selftest"
        : `${plural(selftest.pages, "page")}, ${plural(selftest.failures, "failure")}`,
    ),
    check(
      "memory",
      fill ? fill.tmpfsBytes > 0 && fill.slabBytes > 0 : undefined,
      fill
        ? `${fill.tmpfsBytes} bytes in tmpfs and ${fill.slabBytes} in slab objects, used and read back`
        : "the guest's memory was not used",
    ),
    // A component that has left and was called: the machine needs it.
    ...components.map(({ component, state, reason, bytes, gateCalls }) =>
      check(
        `component-${component}`,
        gateCalls === undefined ? undefined : gateCalls === 0,
        `${state} (${reason}), ${bytes / pageSize} pages, ${gateCalls ?? "unknown"} calls`,
      ),
    ),
  ];
}
