// SPDX-License-Identifier: Apache-2.0
/** Reads what boots showed: the demo's `demo.json`, or what `jettison boot --json` printed. */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { fail } from "../diagnostics.js";
import { loadMachine } from "../machine/machine.js";
import { pageSize } from "./demoJson.js";
import type { ReportMachine } from "./html.js";

const bytes = z.int().nonnegative();
const component = z.object({
  component: z.string(),
  state: z.enum(["kept", "jettisoned", "refused", "withheld"]),
  reason: z.string(),
  bytes,
});

const demo = z.object({
  machines: z.array(
    z.object({
      machine: z.string(),
      components: z.array(component),
      pagesFreed: bytes,
      memTotalOff: bytes,
      memTotalOn: bytes,
      selftest: z.object({ pages: bytes, failures: bytes }),
    }),
  ),
});

/** Of `jettison boot`: one boot a machine, with nothing to compare its memory to. */
const boots = z.array(
  z.object({
    machine: z.string(),
    memTotal: bytes,
    components: z.array(component),
    pages: bytes,
    selftest: z.object({ pages: bytes, failures: bytes }).nullable(),
  }),
);

/** Machines of all files, in their order; of a machine that several have the last. */
export function readBoots(files: readonly string[]): ReportMachine[] {
  const machines = new Map<string, ReportMachine>();
  for (const file of files) for (const machine of readFile(file)) machines.set(machine.machine, machine);
  return [...machines.values()];
}

function readFile(file: string): ReportMachine[] {
  if (!existsSync(file)) fail("file-unreadable", { file, cause: "it does not exist" });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    fail("boots-invalid", { file, what: (error as Error).message });
  }
  const ofDemo = demo.safeParse(value);
  if (ofDemo.success) return ofDemo.data.machines.map(complete);
  const ofBoot = boots.safeParse(value);
  if (ofBoot.success)
    return ofBoot.data.map(({ memTotal, pages, selftest, ...rest }) =>
      complete({
        ...rest,
        pagesFreed: pages,
        memTotalOff: memTotal - pages * pageSize,
        memTotalOn: memTotal,
        selftest: selftest ?? { pages: 0, failures: 0 },
      }),
    );
  const issue = (Array.isArray(value) ? ofBoot : ofDemo).error!.issues[0]!;
  return fail("boots-invalid", { file, what: `${issue.path.join(".") || "it"}: ${issue.message}` });
}

type Read = z.infer<typeof demo>["machines"][number];

const complete = (machine: Read): ReportMachine => ({
  ...machine,
  title: titleOf(machine.machine),
  components: machine.components.map((one) => ({ ...one, pages: one.bytes / pageSize })),
});

/** A machine of somebody else's has no title here. */
function titleOf(name: string): string {
  try {
    return loadMachine(name).title;
  } catch {
    return name;
  }
}
