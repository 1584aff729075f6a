// SPDX-License-Identifier: Apache-2.0
/** A boot with an ACPI table that describes an IOMMU oddly, or one that QEMU does not have. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadMachine, type Machine } from "../../src/machine/machine.js";
import { projectRoot } from "../../src/root.js";
import { withScratchFolder } from "../../src/scratch.js";
import { findFaults, runGuest } from "../support/guest/guest.js";
import { type OddTable, oddTables } from "./acpiTables.js";

/** A table of a real computer; licence and credit stand in the file. */
export interface RealTable {
  readonly id: string;
  readonly machine: string;
  readonly formFactor: string;
  readonly signature: "DMAR" | "IVRS";
  readonly base64: string;
}

export const { tables: realTables } = JSON.parse(
  readFileSync(join(projectRoot, "test/torture/realTables.json"), "utf8"),
) as { tables: readonly RealTable[] };

export interface TableBoot {
  readonly bzImage: string;
  readonly signature: "DMAR" | "IVRS";
  /** The whole table. */
  readonly bytes: Uint8Array;
  /** The machine has QEMU's AMD-Vi, and the table takes the place of its IVRS. */
  readonly isOfQemu?: boolean;
  readonly append: string;
  readonly scratch: string;
  readonly log: string;
  /** Milliseconds. With a table of an AMD-Vi that is not there Linux itself waits for hours. */
  readonly timeout?: number;
}

/** The trouble of a boot that hangs. */
export const unfinished = "the script did not come to its end";

export interface TableBooted {
  /** Components and their states: `amd-vi jettisoned`. */
  readonly states: readonly string[];
  /** The reason of each component's state. */
  readonly reasons: ReadonlyMap<string, string>;
  readonly pages: number;
  /** Messages of the kernel from warnings up, without the parts that differ from boot to boot. */
  readonly warnings: readonly string[];
  /** Everything that is not as it should be. */
  readonly trouble: readonly string[];
  readonly seconds: number;
}

export const bootOdd = ({ table, ...boot }: Omit<TableBoot, "signature" | "bytes"> & { table: OddTable }) =>
  bootTable({
    ...boot,
    signature: table.startsWith("ivrs") ? "IVRS" : "DMAR",
    isOfQemu: table.startsWith("ivrs"),
    bytes: oddTables[table],
  });

/** How much time the host gave the guest, which differs from boot to boot. */
const ofTime = /^APIC calibration|^clocksource: |^hrtimer: |^sched: |^perf: interrupt took|^tsc: /;

/** `<4>[    0.1][    T1] words`: the level, and the words without their numbers. */
function warningIn(line: string): string | undefined {
  const [, level, text] = /^warn <(\d+)>(?:\[[^\]]*\] ?)*(.*)$/.exec(line) ?? [];
  if (level === undefined || text === undefined || ofTime.test(text)) return undefined;
  return text.replace(/0x[0-9a-f]+|\b[0-9a-f]{8,16}\b|\d+(?:\.\d+)?/g, "…");
}

/** Boots to a shell, asks for the states, and powers off, which calls the IOMMU drivers' hooks. */
export async function bootTable(options: TableBoot): Promise<TableBooted> {
  const { bzImage, signature, bytes, isOfQemu = false, append, scratch, log, timeout = 300_000 } = options;
  return withScratchFolder(scratch, async (folder) => {
    const file = join(folder, "table.bin");
    writeFileSync(file, bytes);
    const q35 = loadMachine("q35");
    const machine: Machine = {
      ...q35,
      qemu: [
        ["-M", "q35,kernel-irqchip=split"],
        ["-cpu", signature === "IVRS" ? "EPYC" : "Nehalem"],
        isOfQemu ? ["-device", "amd-iommu,intremap=on"] : ["-acpitable", `file=${file}`],
        ...q35.qemu.filter(([option]) => option !== "-M"),
      ],
    };
    const start = performance.now();
    const { lines, said, isDone } = await runGuest({
      ...{ bzImage, machine, log, append, timeout, acpiTables: isOfQemu ? [bytes] : [] },
      script: `
        dmesg -r | grep '^<[0-4]>' >/tmp/log
        while IFS= read -r line; do say "warn $line"; done </tmp/log
        for one in $J/*/state; do one=\${one%/state}; say "state \${one##*/} $(cat $one/state)"; done
        for one in $J/*/reason; do one=\${one%/reason}; say "reason \${one##*/} $(cat $one/reason)"; done
        say "table $([ -e /sys/firmware/acpi/tables/${signature} ] && echo there)"
        say "pages $(cat $J/pages)"
        say "calls $(cat $J/gate_calls)"`,
    });
    const seconds = (performance.now() - start) / 1000;
    const found = (pattern: RegExp) => said.flatMap((line) => pattern.exec(line)?.slice(1) ?? []);
    const states = found(/^state (\S+ \S+)$/);
    const reasons = new Map(found(/^reason (\S+ \S+)$/).map((line) => line.split(" ") as [string, string]));
    const trouble = [
      findFaults(lines) ?? [],
      // Words of a gate that was called at power-off come after the script's last ones.
      lines.filter((line) =>
        /which is gone|jettison: .*(?:make no sense|failed)|[1-9]\d* failures/.test(line),
      ),
      isDone ? [] : unfinished,
      said.includes("table there") || /acpi=off/.test(append) ? [] : "the table is not there",
      states.length > 5 && said.includes("calls 0") ? [] : `said ${said.join(", ")}`,
      states
        .map((line) => line.split(" ")[0]!)
        .filter((component) => !reasons.has(component))
        .map((component) => `${component} has no reason`),
    ].flat();
    const warnings = [...new Set(said.flatMap((line) => warningIn(line) ?? []))];
    return { states, reasons, pages: Number(found(/^pages (\d+)$/)[0]), warnings, trouble, seconds };
  });
}
