// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";
import type { Verification } from "../verify/proof.js";

async function verify(build: string, { json }: { json?: true }): Promise<void> {
  const { verifyBuild } = await import("../link/verifyBuild.js");
  const verification = await verifyBuild(build);
  const text = json
    ? JSON.stringify(verification)
    : [
        ...describe("vmlinux.o", verification),
        ...describe("vmlinux", verification.image),
        "No reference outlives a region that it leads into.",
      ].join("\n");
  process.stdout.write(`${text}\n`);
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
    .description("prove that nothing that stays refers to what leaves, gates apart")
    .argument("<build>", "folder of a build that was linked with Jettison")
    .option("--json", "print the counts as JSON")
    .action(verify);
}
