// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { projectRoot } from "../root.js";
import type { Finding } from "./findMissing.js";

const formatFinding = ({ what, missing, detail }: Finding) =>
  `${missing ? "missing" : "ok     "}  ${what}${detail === "" ? "" : `: ${detail}`}`;

export function registerDoctor(program: Command): void {
  program
    .command("doctor")
    .description("say what is missing on this machine, and the command that installs it")
    .option("--json", "print it as JSON")
    .action(async ({ json }: { json?: true }) => {
      const { findMissing } = await import("./findMissing.js");
      const findings = await findMissing(readFileSync(join(projectRoot, "scripts/debian-packages"), "utf8"));
      const missing = findings.filter((finding) => finding.missing);
      if (json) process.stdout.write(`${JSON.stringify({ version: 1, findings }, null, 2)}\n`);
      else {
        for (const finding of findings) process.stdout.write(`${formatFinding(finding)}\n`);
        for (const { fix } of missing) process.stdout.write(`\n${fix}\n`);
      }
      if (missing.length > 0) process.exitCode = 1;
    });
}
