// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { fail } from "../diagnostics.js";
import type { Estimate } from "../estimate/estimate.js";
import { projectRoot } from "../root.js";

interface Options {
  scenarios: string;
  json?: true;
}

async function estimateListing(file: string, { scenarios, json }: Options): Promise<void> {
  const { parseListing } = await import("../estimate/listing.js");
  const { readScenarios } = await import("../estimate/scenarios.js");
  const { estimate } = await import("../estimate/estimate.js");
  const { formatEstimate } = await import("../report/estimateText.js");
  const machines = readScenarios(scenarios);
  const name = file === "-" ? "<stdin>" : file;
  const estimated = estimate(name, parseListing(name, await readBounded(file, name)), machines);
  process.stdout.write(json ? `${formatJson(estimated)}\n` : formatEstimate(estimated));
}

function formatJson({ components, bytes, scenarios, averagePages }: Estimate): string {
  const outcomes = scenarios.map(({ scenario, pages }) => ({ scenario, pages }));
  return JSON.stringify({ version: 1, components, bytes, scenarios: outcomes, averagePages });
}

/** A pipe or a device has no known size, so reading stops at the limit. */
async function readBounded(file: string, name: string): Promise<string> {
  const { mostListingBytes } = await import("../estimate/listing.js");
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of file === "-" ? process.stdin : createReadStream(file)) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > mostListingBytes) break;
    }
  } catch (error) {
    fail("file-unreadable", { file: name, cause: (error as Error).message });
  }
  if (bytes > mostListingBytes)
    fail("listing-unusable", { file: name, line: 1, what: `it is larger than ${mostListingBytes} bytes` });
  return Buffer.concat(chunks).toString("utf8");
}

export function registerEstimate(program: Command): void {
  program
    .command("estimate")
    .description("count the pages that components of a section listing would give back, for each machine")
    .argument(
      "<file>",
      "output of objdump -h, size -A or readelf -SW, or lines of name and bytes; - is stdin",
    )
    .addOption(
      new Option("--scenarios <file>", "the components that each machine keeps").default(
        join(projectRoot, "components/email.scenarios.yaml"),
        "those of the 2010 email",
      ),
    )
    .option("--json", "print JSON")
    .action(estimateListing);
}
