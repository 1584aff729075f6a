// SPDX-License-Identifier: Apache-2.0
/** Reads what boots showed: the demo's `demo.json`, or what `jettison boot --json` printed. */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { fail, JettisonError } from "../diagnostics.js";
import { loadMachine } from "../machine/machine.js";
import { pageSize } from "../pageSize.js";
import { demoVersion } from "./demoJson.js";
import type { ReportMachine } from "./html.js";

const bytes = z.int().nonnegative();
const component = z.object({
  component: z.string(),
  state: z.enum(["kept", "jettisoned", "refused", "withheld"]),
  reason: z.string(),
  bytes,
});

const counts = z.object({ small: bytes, large: bytes });
const mappings = z.object({ before: counts, after: counts });

const memory = z.object({ free: bytes, pageTables: bytes, directMap4k: bytes, directMap2M: bytes });

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

/** The form of `jettison boot`: one boot per machine. */
const boots = z.object({
  version: z.literal(bootsVersion),
  boots: z.array(
    z.object({
      machine: z.string(),
      mode: z.string().nullable(),
      memTotal: bytes,
      components: z.array(component),
      pages: bytes,
      selftest: z.object({ pages: bytes, failures: bytes }).nullable(),
      mappings: mappings.nullish(),
      releaseNs: bytes.nullish(),
    }),
  ),
});

type Boot = z.infer<typeof boots>["boots"][number];
type Result = z.infer<typeof demo>["machines"][number];

/**
 * Machines of all files, in their order; of a machine that several have the last. A boot with `jettison=off` says
 * how much memory its machine has without.
 */
export function readBoots(files: readonly string[]): ReportMachine[] {
  const machines = new Map<string, ReportMachine>();
  const off = new Map<string, number>();
  for (const file of files) {
    const read = readFile(file);
    for (const result of read.results) machines.set(result.machine, complete(result));
    for (const boot of read.boots)
      if (boot.mode === "off") off.set(boot.machine, boot.memTotal);
      else machines.set(boot.machine, complete(toResult(boot)));
  }
  return [...machines.values()].map((machine) => {
    const memTotalOff = machine.memTotalOff ?? off.get(machine.machine);
    return { ...machine, ...(memTotalOff === undefined ? {} : { memTotalOff }) };
  });
}

function readFile(file: string): { results: readonly Result[]; boots: readonly Boot[] } {
  if (!existsSync(file)) fail("file-unreadable", { file, cause: "it does not exist" });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    fail("boots-invalid", { file, what: (error as Error).message });
  }
  const ofDemo = demo.safeParse(value);
  if (ofDemo.success) return { results: ofDemo.data.machines, boots: [] };
  const ofBoot = boots.safeParse(value);
  if (ofBoot.success) return { results: [], boots: ofBoot.data.boots };
  const isBoot = typeof value === "object" && value !== null && "boots" in value;
  const issue = (isBoot ? ofBoot : ofDemo).error!.issues[0]!;
  return fail("boots-invalid", { file, what: `${issue.path.join(".") || "it"}: ${issue.message}` });
}

const toResult = ({ machine, memTotal, components, pages, selftest, mappings, releaseNs }: Boot) => ({
  ...{ machine, components, pagesFreed: pages, memTotalOn: memTotal },
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
function titleOf(name: string): string {
  try {
    return loadMachine(name).title;
  } catch (error) {
    if (error instanceof JettisonError && error.diagnostics.every(({ code }) => code === "machine-unknown"))
      return name;
    throw error;
  }
}
