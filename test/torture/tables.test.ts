// SPDX-License-Identifier: Apache-2.0
/**
 * Firmware tables of real computers, in QEMU: scripts/torture tables. The hardware that they describe is not there. Each boot ends with a
 * state and a reason for each component, and warns of nothing that the same image does not warn of with `jettison=off`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { projectRoot } from "../../src/root.js";
import { bootTable, realTables, unfinished } from "./acpi.js";

const chosen = (process.env.JETTISON_TORTURE ?? "").split(" ");
/** Some of them: `JETTISON_ACPI_TABLES="D19FB82D46CF F3B9E861E0CA"`. */
const only = process.env.JETTISON_ACPI_TABLES?.split(" ");
const tables = realTables.filter(({ id }) => only?.includes(id) ?? true);

describe.runIf(chosen.includes("tables") || chosen.includes("all"))("ACPI tables of real computers", () => {
  const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
  const head = ["table", "computer", "pages freed", "of the IOMMUs in use", "s", "s with off", "found"];
  const rows: (readonly (string | number)[])[] = [head, head.map(() => "---")];
  afterAll(() => {
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(join(projectRoot, "out"), { recursive: true });
    const table = rows.map((row) => `| ${row.join(" | ")} |\n`).join("");
    writeFileSync(join(projectRoot, "out/torture-tables.md"), table);
  });

  test("every table", async () => {
    const { image: bzImage } = await makeKernel(demoJob);
    const troubles: string[] = [];
    for (const { id, machine, signature, base64 } of tables) {
      const boot = async (mode: string) =>
        bootTable({
          ...{ bzImage, signature, bytes: Buffer.from(base64, "base64"), scratch },
          append: `jettison=${mode}`,
          timeout: 150_000,
          log: join(projectRoot, `out/torture-tables/${id}-${mode}.log`),
        });
      const [off, on] = [await boot("off"), await boot("selftest")];
      // Where both wait for an IOMMU that is not there, how many stalls are reported meanwhile is chance.
      const bothHang = [on, off].every(({ trouble }) => trouble.includes(unfinished));
      const own = [...on.trouble, ...on.warnings].filter(
        (line) => !bothHang && !off.trouble.includes(line) && !off.warnings.includes(line),
      );
      const inUse = ["intel-vtd", "amd-vi", "iommu-core", "virtio-iommu"].flatMap((component) =>
        on.states.includes(`${component} kept`) ? `${component} (${on.reasons.get(component)})` : [],
      );
      const alike = bothHang ? "Linux hangs, with off as well" : "";
      rows.push([
        ...[`${id} ${signature}`, machine, bothHang ? "-" : on.pages, inUse.join(", ")],
        ...[Math.round(on.seconds), Math.round(off.seconds), own.length > 0 ? own.join("; ") : alike],
      ]);
      console.log(`| ${rows.at(-1)!.join(" | ")} | ${on.warnings.length}, ${off.warnings.length} warnings`);
      troubles.push(...own.map((trouble) => `${id}: ${trouble}`));
    }
    expect(troubles).toEqual([]);
  });
});
