// SPDX-License-Identifier: Apache-2.0
/** Saved consoles, as boots: each named after its file, or by `NAME=FILE`. */
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fail } from "../diagnostics.js";
import { readSavedConsole, type SavedBoot } from "../machine/savedConsole.js";
import type { Plan } from "../plan/plan.js";
import type { Boot } from "./bootJson.js";

export interface ConsoleBoot {
  /** The name given; with what firmware calls the machine, where a log is of several. */
  readonly machine: string;
  /** For people. */
  readonly title: string;
  readonly file: string;
  readonly saved: SavedBoot;
}

function splitName(given: string): { name: string; file: string } {
  const at = given.indexOf("=");
  const file = given.slice(at + 1);
  if (at > 0 && !existsSync(given)) return { name: given.slice(0, at), file };
  return { name: basename(given).replace(/\.(log|txt|ya?ml)$/, ""), file: given };
}

export function readConsoles(given: readonly string[]): ConsoleBoot[] {
  return given.flatMap((one) => {
    const { name, file } = splitName(one);
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      return fail("file-unreadable", { file, cause: (error as Error).message });
    }
    const boots = readSavedConsole(text);
    if (boots.length === 0)
      fail("console-invalid", {
        file,
        line: 1,
        what: 'no line of it is the kernel\'s and begins with "jettison: "',
      });
    if (
      boots.every(
        ({ mode, guest }) => mode === "off" && (guest.done !== "ok" || guest.memTotal === undefined),
      )
    )
      fail("console-invalid", {
        ...{ file, line: boots[0]!.line },
        what: "it has only boots with jettison=off, which a report cannot show",
      });
    const isOfOne = new Set(boots.map(({ dmi }) => dmi)).size === 1;
    return boots.map((saved) => ({
      machine: isOfOne ? name : `${name} (${saved.dmi ?? "unnamed"})`,
      title: saved.dmi === undefined ? name : `${name}: ${saved.dmi.replace(/, BIOS .*$/, "")}`,
      file,
      saved,
    }));
  });
}

/**
 * The kernel's own lines say what left, and their sums were checked. The guest's program says more: its report counts where it
 * came to its end and names as many components and pages.
 */
export function toBoot({ machine, saved }: ConsoleBoot): Boot {
  const { guest, mode, components, pages, selftest } = saved;
  const agrees =
    mode === "off" ||
    (guest.jettison?.pages === pages && guest.jettison.components.length === components.length);
  const { jettison, memTotal, fill } = guest.done === "ok" && agrees ? guest : noReport;
  return {
    machine,
    mode: mode ?? null,
    ...(memTotal === undefined ? {} : { memTotal }),
    components: [...(jettison?.components ?? components)],
    pages: jettison?.pages ?? pages,
    selftest: jettison?.selftest ?? selftest,
    ...(fill === undefined ? {} : { fill }),
    ...(jettison?.mappings ? { mappings: jettison.mappings } : {}),
    ...(jettison?.releaseNs ? { releaseNs: jettison.releaseNs } : {}),
  };
}

const noReport = { jettison: undefined, memTotal: undefined, fill: undefined };

/** Throws where a console names other components than the plan: it is of another kernel. */
export function checkConsoles(plan: Plan, consoles: readonly ConsoleBoot[]): void {
  const inPlan = plan.components.filter(({ state }) => state !== "not-built").map(({ name }) => name);
  for (const one of consoles) {
    const named = toBoot(one).components.map(({ component }) => component);
    if (named.length === 0) continue;
    const foreign = named.find((name) => !inPlan.includes(name));
    const missing = inPlan.find((name) => !named.includes(name));
    const { file, saved } = one;
    if (foreign !== undefined)
      fail("console-foreign", { file, what: `it names ${foreign}, which the plan lacks` });
    if (missing !== undefined && saved.problem === undefined)
      fail("console-foreign", { file, what: `it does not name ${missing}, which the plan has` });
  }
}
