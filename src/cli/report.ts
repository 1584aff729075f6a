// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, statSync } from "node:fs";
import { dirname, extname } from "node:path";
import { type Command, Option } from "commander";
import type { Plan } from "../plan/plan.js";
import type { Distribution } from "../predict/distribution.js";
import { writeWhole } from "../writeWhole.js";

interface Options {
  output?: string;
  format?: Format;
  title?: string;
  json?: true;
  console?: string[];
  fleet?: string[];
}

const formats = ["html", "text", "markdown", "json"] as const;
type Format = (typeof formats)[number];
const byEnding: Readonly<Record<string, Format>> = {
  ".html": "html",
  ".htm": "html",
  ".md": "markdown",
  ".json": "json",
};

async function predictFleet(plan: Plan, files: readonly string[]): Promise<Distribution> {
  const { DistributionBuilder } = await import("../predict/distribution.js");
  const { Predictor } = await import("../predict/predict.js");
  const { readMachines } = await import("../profile/readLines.js");
  const presentByName = new Map(plan.components.map(({ name, present }) => [name, present]));
  const predictor = new Predictor(plan, (name) => presentByName.get(name));
  const fleet = new DistributionBuilder();
  for await (const machines of readMachines(files))
    for (const facts of machines) fleet.add(predictor.predict(facts));
  return fleet.finish();
}

async function report(path: string, boots: readonly string[], options: Options): Promise<void> {
  const { readPlan } = await import("../plan/readPlan.js");
  const { readImports } = await import("../exports/modules.js");
  const { readBoots } = await import("../boots/readBoots.js");
  const { checkConsoles, readConsoles } = await import("../boots/consoles.js");
  const { renderHtml } = await import("../report/html.js");
  const { isStyled } = await import("../report/machineTable.js");
  const { formatDistribution, formatDistributionMarkdown } = await import("../report/predictText.js");
  const { formatReport, formatReportMarkdown, reportJson } = await import("../report/reportText.js");
  const { output, title } = options;
  const plan = readPlan(path);
  const imports = readImports(statSync(path).isDirectory() ? path : dirname(path), plan.exports);
  const consoles = readConsoles(options.console ?? []);
  checkConsoles(plan, consoles);
  const machines = readBoots(boots, consoles);
  for (const { file, saved } of consoles)
    if (saved.trouble !== undefined)
      process.stderr.write(`${file}:${saved.trouble.line}: ${saved.trouble.cause}\n`);
  const fleet = options.fleet === undefined ? undefined : await predictFleet(plan, options.fleet);
  const data = {
    plan,
    machines,
    ...(fleet === undefined ? {} : { fleet }),
    ...(imports === undefined ? {} : { imports }),
    ...(title === undefined ? {} : { build: title }),
  };
  const format: Format =
    options.format ??
    (options.json ? "json" : output === undefined ? "text" : (byEnding[extname(output)] ?? "text"));
  const style = { styled: output === undefined && isStyled(process.stdout) };
  const render: Record<Format, () => string> = {
    html: () => renderHtml(data),
    text: () =>
      formatReport(data, style) + (fleet === undefined ? "" : `\n${formatDistribution(fleet, style)}`),
    markdown: () =>
      formatReportMarkdown(data) + (fleet === undefined ? "" : `\n${formatDistributionMarkdown(fleet)}`),
    json: () => `${JSON.stringify(reportJson(data), null, 2)}\n`,
  };
  const text = render[format]();
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  mkdirSync(dirname(output), { recursive: true });
  writeWhole(output, text);
}

export function registerReport(program: Command): void {
  program
    .command("report")
    .description("show a plan and the results of boots, in one HTML file, as text, Markdown or JSON")
    .argument("<plan>", "plan.json, or the folder of a build")
    .argument(
      "[boots...]",
      "demo.json of jettison demo, the output of jettison boot --json, or kcidb.json of jettison lab",
    )
    .option("--console <log...>", "saved consoles of machines; NAME=LOG names the machine")
    .option(
      "--fleet <profile...>",
      "also show predictions for machines: output of jettison profile, one per line",
    )
    .option(
      "-o, --output <file>",
      "output file; its suffix selects the format: .html, .md, .json (default: text to the terminal)",
    )
    .addOption(new Option("--format <format>", "output format, whatever the suffix").choices(formats))
    .option("--title <text>", "title of the report")
    .option("--json", "print JSON, sizes in bytes")
    .action(report);
}
