// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { Examination, Presence } from "../doctor/examineConfig.js";
import type { Finding } from "../doctor/findMissing.js";
import { projectRoot } from "../root.js";

const formatFinding = ({ what, missing, detail }: Finding) =>
  `${missing ? "missing" : "ok     "}  ${what}${detail === "" ? "" : `: ${detail}`}`;

const presences: Readonly<Record<Presence, string>> = {
  "built-in": "built in",
  module: "as a module",
  absent: "absent",
  unsaid: "not set: Kconfig decides",
  any: "in every configuration",
};

function formatExamination({ file, release, isWhole, inTheWay, components }: Examination): string {
  const made = release === undefined ? "" : `, of Linux ${release}`;
  const width = Math.max(...components.map(({ name }) => name.length));
  return [
    `${file}: ${isWhole ? "a whole configuration" : "a part of a configuration"}${made}`,
    ...(inTheWay.length === 0 ? ["No option of it prevents a build with Jettison."] : inTheWay),
    ...components.map(({ name, presence, options }) => {
      const settings = options.map((option) => `${option.name}=${option.value}`).join(", ");
      return `  ${name.padEnd(width)}  ${presences[presence]}${settings === "" ? "" : ` (${settings})`}`;
    }),
    "",
  ].join("\n");
}

async function examine(file: string, json: boolean): Promise<void> {
  const { examineConfig, readConfigText } = await import("../doctor/examineConfig.js");
  const { readManifests } = await import("../3-component/manifest.js");
  const { shippedManifests } = await import("../3-component/shipped.js");
  const manifest = await readManifests(shippedManifests);
  const examination = examineConfig(file, await readConfigText(file), manifest);
  process.stdout.write(json ? `${JSON.stringify(examination, null, 2)}\n` : formatExamination(examination));
  if (examination.inTheWay.length > 0) process.exitCode = 1;
}

async function examineTree(source: string, json: boolean): Promise<void> {
  const { examineSource, formatSource } = await import("../doctor/examineSource.js");
  const examination = await examineSource(source);
  process.stdout.write(json ? `${JSON.stringify(examination, null, 2)}\n` : formatSource(examination));
  if (examination.series === undefined || examination.unknown.length > 0) process.exitCode = 1;
}

export function registerDoctor(program: Command): void {
  program
    .command("doctor")
    .description("list what is missing on this machine, and the command that installs it")
    .option(
      "--config <file>",
      "check a kernel configuration instead (.config, also as gz or xz; - for stdin)",
    )
    .addOption(
      new Option(
        "--source <dir>",
        "check a kernel source instead: whether a series applies, and which sections the catalogue lacks",
      ).conflicts("config"),
    )
    .option("--json", "print JSON")
    .action(async ({ config, source, json }: { config?: string; source?: string; json?: true }) => {
      if (config !== undefined) return examine(config, json === true);
      if (source !== undefined) return examineTree(source, json === true);
      const { findMissing } = await import("../doctor/findMissing.js");
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
