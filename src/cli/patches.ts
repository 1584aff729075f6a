// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";
import { demoKernel, readSeries } from "../kernel/series.js";

export function registerPatches(program: Command): void {
  program
    .command("patches")
    .description("print the kernel series, for git am on the pristine tree")
    .argument("[version]", "kernel version", demoKernel)
    .option("--json", "print JSON: name and text of each patch")
    .action(async (version: string, { json }: { json?: true }) => {
      const { exportSeries } = await import("../kernel/exportSeries.js");
      const patches = exportSeries(readSeries(version));
      process.stdout.write(
        json
          ? `${JSON.stringify({ version, patches }, null, 2)}\n`
          : patches.map(({ text }) => text).join("\n"),
      );
    });
}
