// SPDX-License-Identifier: Apache-2.0
/** A boot with an odd ACPI table. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadMachine } from "../../src/machine/machine.js";
import { withScratchFolder } from "../../src/scratch.js";
import { findFaults, runGuest } from "../guest/guest.js";
import { type OddTable, oddTables } from "./acpiTables.js";

export interface OddBoot {
  readonly bzImage: string;
  readonly table: OddTable;
  readonly append: string;
  readonly scratch: string;
  readonly log: string;
}

export interface OddBooted {
  /** Components and their states: `amd-vi jettisoned`. */
  readonly states: readonly string[];
  /** Everything that is not as it should be. */
  readonly trouble: readonly string[];
}

/** Boots to a shell, asks for the states, and powers off, which calls the IOMMU drivers' hooks. */
export async function bootOdd({ bzImage, table, append, scratch, log }: OddBoot): Promise<OddBooted> {
  return withScratchFolder(scratch, async (folder) => {
    const file = join(folder, `${table}.bin`);
    writeFileSync(file, oddTables[table]);
    const q35 = loadMachine("q35");
    const machine = {
      ...q35,
      qemu: [
        ["-M", "q35,kernel-irqchip=split"],
        ["-cpu", table.startsWith("ivrs") ? "EPYC" : "Nehalem"],
        ["-acpitable", `file=${file}`],
        ...q35.qemu.filter(([option]) => option !== "-M"),
      ],
    };
    const { lines, said, isDone } = await runGuest({
      ...{ bzImage, machine, log, append },
      script: `
        for one in $J/*/state; do one=\${one%/state}; say "state \${one##*/} $(cat $one/state)"; done
        say "table $([ -e /sys/firmware/acpi/tables/${table.slice(0, 4).toUpperCase()} ] && echo there)"
        say "calls $(cat $J/gate_calls)"`,
    });
    const states = said.flatMap((line) => /^state (\S+ \S+)$/.exec(line)?.[1] ?? []);
    const trouble = [
      findFaults(lines) ?? [],
      // Words of a gate that was called at power-off come after the script's last ones.
      lines.filter((line) =>
        /which is gone|jettison: .*(?:make no sense|failed)|[1-9]\d* failures/.test(line),
      ),
      isDone ? [] : "the script did not come to its end",
      said.includes("table there") || /acpi=off/.test(append) ? [] : "the table is not there",
      states.length > 5 && said.includes("calls 0") ? [] : `said ${said.join(", ")}`,
    ].flat();
    return { states, trouble };
  });
}
