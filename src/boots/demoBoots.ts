// SPDX-License-Identifier: Apache-2.0
/**
 * The boots of the demo: each machine once with `jettison=off`, which frees nothing, and once with
 * the self-test, which frees and then checks. The memory that a machine gets back is the difference of the two MemTotals, and it has
 * to equal the pages that the kernel reports as freed.
 */

import { join } from "node:path";
import { type Diagnostic, diagnose, fail, failIfAny, JettisonError } from "../diagnostics.js";
import { type BootResult, bootMachine } from "../machine/boot.js";
import { fileFor, type Image } from "../machine/image.js";
import type { Machine } from "../machine/machine.js";
import { pageSize } from "../x86/x86.js";
import { type DemoMachine, toDemoMachine } from "./demoJson.js";

export type DemoMode = "off" | "selftest";

export interface DemoBootOptions {
  /** The consoles go here, one file a boot: `<machine>-<mode>.log`. */
  readonly logFolder: string;
  /** Further words for both kernel command lines: `jettison.keep=amd-vi`. */
  readonly append?: string;
  readonly timeout?: number;
  readonly onStart?: (machine: Machine, mode: DemoMode) => void;
  readonly onDone?: (machine: Machine, mode: DemoMode, result: BootResult) => void;
  readonly onLine?: (machine: Machine, mode: DemoMode, line: string) => void;
}

export interface DemoBoots {
  readonly machines: readonly DemoMachine[];
  /** The boots behind them, in the order of the machines. */
  readonly boots: readonly { readonly off: BootResult; readonly on: BootResult }[];
}

/** QEMU without KVM keeps a CPU or two busy for each guest. */
const sideBySide = 2;

/** Runs all jobs, `sideBySide` at a time. Failures are collected: the other jobs still finish. */
async function runJobs(jobs: readonly (() => Promise<void>)[]): Promise<void> {
  const diagnostics: Diagnostic[] = [];
  const waiting = [...jobs];
  const work = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift())
      try {
        await job();
      } catch (error) {
        if (!(error instanceof JettisonError)) throw error;
        diagnostics.push(...error.diagnostics);
        // Without QEMU or an image no other machine can do better.
        if (error.exitCode === 2) waiting.length = 0;
      }
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
  failIfAny(withoutRepeats(diagnostics));
}

function withoutRepeats(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return diagnostics.filter(
    (one, index) => diagnostics.findIndex((other) => other.message === one.message) === index,
  );
}

/** Boots every machine in both modes and checks each pair. Throws all that failed, together. */
export async function demoBoots(
  image: Image,
  machines: readonly Machine[],
  options: DemoBootOptions,
): Promise<DemoBoots> {
  const results = new Map<string, BootResult>();
  const key = (machine: Machine, mode: DemoMode) => `${machine.name}-${mode}`;
  // A boot under Xen takes three times as long as any other: first, so that nothing is left to wait for it alone.
  const slowFirst = [...machines].sort((a, b) => Number(b.xen !== undefined) - Number(a.xen !== undefined));
  const jobs = slowFirst.flatMap((machine) =>
    (["off", "selftest"] as const).map((mode) => async () => {
      options.onStart?.(machine, mode);
      const result = await bootMachine(image, machine, {
        // Where nothing was freed, using all memory shows nothing.
        fill: mode !== "off",
        append: [`jettison=${mode}`, options.append].filter(Boolean).join(" "),
        log: join(options.logFolder, `${key(machine, mode)}.log`),
        ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
        onLine: (line) => options.onLine?.(machine, mode, line),
      });
      if (result.mode === null)
        fail("image-plain", { image: fileFor(image, machine), machine: machine.name });
      results.set(key(machine, mode), result);
      options.onDone?.(machine, mode, result);
    }),
  );
  await runJobs(jobs);

  const boots = machines.map((machine) => ({
    off: results.get(key(machine, "off"))!,
    on: results.get(key(machine, "selftest"))!,
  }));
  failIfAny(boots.flatMap(({ off, on }) => checkPair(off, on)));
  return { machines: boots.map(({ off, on }) => toDemoMachine(off, on)), boots };
}

/** Errors of the kernel that a machine's two boots show. */
export function checkPair(off: BootResult, on: BootResult): Diagnostic[] {
  const { machine, pages, selftest } = on;
  const found: Diagnostic[] = [];
  const freed = pages * pageSize;
  if (on.memTotal - off.memTotal !== freed)
    found.push(diagnose("memory-differs", { machine, freed, off: off.memTotal, on: on.memTotal }));
  if (selftest !== null && selftest.failures > 0)
    found.push(diagnose("selftest-failed", { machine, failures: selftest.failures, pages: selftest.pages }));
  const tested = selftest?.pages ?? 0;
  if (tested !== pages) found.push(diagnose("selftest-absent", { machine, freed: pages, tested }));
  const code = on.fill?.codePages;
  // The kernel itself may have taken some of them before, which does not show.
  if (code && code.used * 2 < code.left)
    found.push(diagnose("freed-unused", { machine, freed: code.left, used: code.used }));
  return found;
}
