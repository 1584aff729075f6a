// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";

async function verify(build: string, { json }: { json?: true }): Promise<void> {
  const { verifyBuild } = await import("../link/verifyBuild.js");
  const verification = await verifyBuild(build);
  if (json) {
    process.stdout.write(`${JSON.stringify(verification)}\n`);
    return;
  }
  const lines = Object.entries(verification.harmless).map(
    ([why, count]) => `  ${String(count).padStart(6)}  ${why}`,
  );
  const text = `${verification.relocations} relocations looked at; those that lead into regions:\n${lines.join("\n")}\n`;
  process.stdout.write(`${text}No reference outlives a region that it leads into.\n`);
}

export function registerVerify(program: Command): void {
  program
    .command("verify")
    .description("prove that nothing that stays refers to what leaves, gates apart")
    .argument("<build>", "folder of a build that was linked with Jettison")
    .option("--json", "print the counts as JSON")
    .action(verify);
}
