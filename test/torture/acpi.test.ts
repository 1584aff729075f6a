// SPDX-License-Identifier: Apache-2.0
/**
 * Firmware tables that describe IOMMUs oddly, by the command lines that people use: scripts/torture acpi. Each boot of the
 * demo's kernel ends with a state for each component, and warns of nothing that `jettison=off` does not warn of.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { projectRoot } from "../../src/root.js";
import { bootOdd } from "./acpi.js";
import { commandLines, type OddTable, oddTables } from "./acpiTables.js";
import { builtBefore } from "./torture.js";

const chosen = (process.env.JETTISON_TORTURE ?? "").split(" ");
/** Some of the rows: `JETTISON_ACPI_TABLES="dmar-no-unit ivrs-no-unit"`. */
const only = process.env.JETTISON_ACPI_TABLES?.split(" ");
const tables = (Object.keys(oddTables) as OddTable[]).filter((table) => only?.includes(table) ?? true);

describe.runIf(chosen.includes("acpi") || chosen.includes("all"))("odd ACPI tables", () => {
  const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
  const rows: string[] = [];
  afterAll(() => {
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(join(projectRoot, "out"), { recursive: true });
    writeFileSync(join(projectRoot, "out/torture-acpi.md"), `${rows.join("\n")}\n`);
  });

  test("every table by every command line", async () => {
    const { image: bzImage } = builtBefore() ?? (await makeKernel(demoJob));
    const troubles: string[] = [];
    for (const table of tables)
      for (const [index, line] of commandLines.entries()) {
        const boot = async (mode: string) =>
          bootOdd({
            ...{ bzImage, table, scratch, append: `jettison=${mode} ${line}` },
            log: join(projectRoot, `out/torture-acpi/${table}-${index}-${mode}.log`),
          });
        const on = await boot("selftest");
        // Only where there is something to compare with.
        const off = on.trouble.length === 0 ? undefined : await boot("off");
        const own = on.trouble.filter((trouble) => !off?.trouble.includes(trouble));
        const stay = on.states.filter((state) => !/ jettisoned$/.test(state));
        const verdict =
          own.length > 0 ? own.join("; ") : off === undefined ? "" : `as without: ${off.trouble.join("; ")}`;
        rows.push(`| ${table} | ${line} | ${stay.join(", ")} | ${verdict} |`);
        console.log(rows.at(-1));
        troubles.push(...own.map((trouble) => `${table}, ${line}: ${trouble}`));
      }
    expect(troubles).toEqual([]);
  });
});
