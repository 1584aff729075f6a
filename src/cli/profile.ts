// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { projectRoot } from "../root.js";

interface Options {
  script?: true;
  root?: string;
  acpidump?: string;
  name?: string;
}

const script = join(projectRoot, "runtime/profile/profile.sh");

async function profile({ script: isScript, root, acpidump, name }: Options): Promise<void> {
  if (isScript) {
    process.stdout.write(readFileSync(script, "utf8"));
    return;
  }
  const { run } = await import("../process.js");
  const options = Object.entries({ root, acpidump, name }).flatMap(([option, value]) =>
    value === undefined ? [] : [`--${option}`, value],
  );
  const { stdout } = await run(["sh", script, ...options]);
  process.stdout.write(stdout.endsWith("\n") ? stdout : `${stdout}\n`);
}

export function registerProfile(program: Command): void {
  program
    .command("profile")
    .description("describe this machine, or a saved one, for jettison predict: one line of JSON")
    .option("--script", "print the POSIX shell script that collects the profile, for a machine without Node")
    .option("--root <dir>", "read a saved tree: a copied /proc and /sys, an sos report")
    .option("--acpidump <file>", "read the ACPI tables from the output of acpidump, binary or text")
    .option("--name <name>", "name of the machine in the profile")
    .action(profile);
}
