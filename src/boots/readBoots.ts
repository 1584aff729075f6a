// SPDX-License-Identifier: Apache-2.0
/**
 * Reads results of boots: the demo's `demo.json`, the output of `jettison boot --json`, a summary of `jettison lab`, or
 * saved consoles.
 */

import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { type Diagnostic, diagnose, fail, failIfAny } from "../diagnostics.js";
import { findMachine } from "../machine/machine.js";
import type { SavedBoot } from "../machine/savedConsole.js";
import { pageSize } from "../x86/x86.js";
import { type Boot, boot, bytes, component, mappings, memory } from "./bootJson.js";
import { type ConsoleBoot, toBoot } from "./consoles.js";
import { demoVersion, type ReportMachine } from "./demoJson.js";

const demo = z.object({
  version: z.literal(demoVersion),
  machines: z.array(
    z.object({
      machine: z.string(),
      components: z.array(component),
      pagesFreed: bytes,
      memTotalOff: bytes,
      memTotalOn: bytes,
      selftest: z.object({ pages: bytes, failures: bytes }),
      memoryOff: memory.optional(),
      memoryOn: memory.optional(),
      mappings: mappings.optional(),
      releaseNs: bytes.optional(),
    }),
  ),
});

export const bootsVersion = 1;

const boots = z.object({ version: z.literal(bootsVersion), boots: z.array(boot) });

/** A summary of `jettison lab`: the test that stands for a whole boot has it. */
const kcidb = z.object({
  version: z.object({ major: z.literal(5) }),
  tests: z.array(z.object({ misc: z.object({ jettison: boot.optional() }).optional() })),
});

type Result = z.infer<typeof demo>["machines"][number];

/**
 * Machines of all files, then those of the consoles, in their order; of a machine that several have the last. A boot with
 * `jettison=off` shows how much memory its machine has without Jettison.
 */
export function readBoots(files: readonly string[], consoles: readonly ConsoleBoot[] = []): ReportMachine[] {
  const machines = new Map<string, ReportMachine>();
  const off = new Map<string, number>();
  const add = (boot: Boot, title?: string) => {
    if (boot.mode === "off") {
      if (boot.memTotal !== undefined) off.set(boot.machine, boot.memTotal);
    } else
      machines.set(boot.machine, { ...complete(toResult(boot)), ...(title === undefined ? {} : { title }) });
  };
  for (const file of files) {
    const read = readFile(file);
    for (const result of read.results) machines.set(result.machine, complete(result));
    for (const boot of read.boots) add(boot);
  }
  failIfAny(consoles.flatMap(({ file, saved }) => diagnoseConsole(file, saved)));
  for (const one of consoles) add(toBoot(one), one.title);
  return [...machines.values()].map((machine) => {
    const memTotalOff = machine.memTotalOff ?? off.get(machine.machine);
    return { ...machine, ...(memTotalOff === undefined ? {} : { memTotalOff }) };
  });
}

const diagnoseConsole = (file: string, { problem }: SavedBoot): Diagnostic[] =>
  problem === undefined ? [] : [diagnose("console-invalid", { file, ...problem })];

/** The boots of a file that `jettison boot` or `jettison lab` wrote, or of a demo the boots with its self-test. */
export function readBootFile(file: string): readonly Boot[] {
  const { boots, results } = readFile(file);
  const ofDemo = results.map(
    ({ machine, memTotalOn, components, pagesFreed, selftest }): Boot => ({
      ...{ machine, mode: "selftest", memTotal: memTotalOn, components, pages: pagesFreed, selftest },
    }),
  );
  return [...ofDemo, ...boots];
}

function readFile(file: string): { results: readonly Result[]; boots: readonly Boot[] } {
  if (!existsSync(file)) fail("file-unreadable", { file, cause: "it does not exist" });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    fail("boots-invalid", { file, what: (error as Error).message });
  }
  const has = (key: string) => typeof value === "object" && value !== null && key in value;
  const fits = has("tests")
    ? kcidb.safeParse(value)
    : has("boots")
      ? boots.safeParse(value)
      : demo.safeParse(value);
  if (!fits.success) {
    const issue = fits.error.issues[0]!;
    fail("boots-invalid", { file, what: `${issue.path.join(".") || "it"}: ${issue.message}` });
  }
  const { data } = fits;
  if ("machines" in data) return { results: data.machines, boots: [] };
  if ("boots" in data) return { results: [], boots: data.boots };
  return { results: [], boots: data.tests.flatMap(({ misc }) => misc?.jettison ?? []) };
}

const toResult = ({ machine, memTotal, components, pages, selftest, mappings, releaseNs }: Boot) => ({
  ...{ machine, pagesFreed: pages },
  components: components.map(({ component, state, reason, bytes }) => ({ component, state, reason, bytes })),
  ...(memTotal === undefined ? {} : { memTotalOn: memTotal }),
  ...(selftest === null ? {} : { selftest }),
  ...(mappings ? { mappings } : {}),
  ...(releaseNs ? { releaseNs } : {}),
});

const complete = (result: Result | ReturnType<typeof toResult>): ReportMachine => ({
  ...result,
  title: titleOf(result.machine),
  components: result.components.map((one) => ({ ...one, pages: one.bytes / pageSize })),
});

/** A machine of somebody else's has no title here. */
export const titleOf = (name: string): string => findMachine(name)?.title ?? name;
