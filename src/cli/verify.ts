// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";
import type { Verification } from "../9-verify/proof.js";

/** Version of the JSON that it prints. */
const version = 1;

async function verify(build: string, { json }: { json?: true }): Promise<void> {
  const { diagnoseBuild, examineBuild, verifyBuild } = await import("../9-verify/verifyBuild.js");
  if (json) {
    const verification = examineBuild(build);
    process.stdout.write(`${JSON.stringify({ version, ...verification })}\n`);
    if (diagnoseBuild(verification).length > 0) process.exitCode = 1;
    return;
  }
  const verification = verifyBuild(build);
  const text = [
    ...describe("vmlinux.o", verification),
    ...describe("vmlinux", verification.image),
    "No reference outlives a region that it leads into.",
  ];
  process.stdout.write(`${text.join("\n")}\n`);
}

function describe(file: string, { looked, harmless }: Verification): string[] {
  const counts = Object.entries(looked).map(([what, count]) => `${count} ${what}`);
  return [
    `${file}: ${counts.join(", ")} looked at; those that lead into regions:`,
    ...Object.entries(harmless).map(([why, count]) => `  ${String(count).padStart(6)}  ${why}`),
  ];
}

export function registerVerify(program: Command): void {
  program
    .command("verify")
    .description("prove that nothing that stays refers to code or data that leaves, except through gates")
    .argument("<build>", "folder of a build that was linked with Jettison")
    .option("--json", "print the counts and every violation as JSON")
    .action(verify);
}
