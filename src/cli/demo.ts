// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { type DemoJson, type DemoMachine, demoVersion } from "../boots/demoJson.js";
import { type Diagnostic, fail, failIfAny, JettisonError } from "../diagnostics.js";
import { demoKernel, supportedVersions } from "../kernel/series.js";
import type { DemoResult } from "../report/demoPages.js";
import { projectRoot } from "../root.js";
import type { Step } from "../steps.js";

interface Options {
  kernel: string;
  out: string;
  write?: true;
  json?: true;
}

const intention = (
  kernel: string,
) => `This builds Debian's Linux ${kernel} once, with its optional components grouped by Jettison, and boots the
one image on five different machines under QEMU. On two cores the first run takes 10 to 20 minutes,
a later one takes what is there and less than a minute. Nothing is installed or changed outside
the cache; Ctrl-C ends it, and the next run goes on from there.

`;

async function demo({ kernel: version, out, write, json }: Options): Promise<void> {
  if (write && version !== demoKernel)
    fail("figures-of-other-kernel", { is: version, documented: demoKernel });
  const { findToolchain, identifyCompiler } = await import("../kernel/compiler.js");
  const { compiler } = findToolchain();
  if (write && compiler !== "gcc")
    fail("figures-of-other-kernel", { is: `${version} by ${compiler}`, documented: demoKernel });
  const { demoJobOf, kernelSteps } = await import("../kernel/makeKernel.js");
  const { loadMachine, usualMachines } = await import("../machine/machine.js");
  const { readPlan } = await import("../plan/readPlan.js");
  const { readBoots } = await import("../boots/readBoots.js");
  const { renderHtml } = await import("../report/html.js");
  const { formatMachineTable, formatMappings, formatMemory, isStyled } = await import(
    "../report/machineTable.js"
  );
  const { formatMemTotals } = await import("../report/gainText.js");
  const { bootDemoMachine } = await import("../boots/demoMachine.js");
  const { readGain } = await import("../gain/gainCache.js");
  const { runSteps } = await import("../steps.js");
  const { writeWhole } = await import("../writeWhole.js");

  process.stderr.write(intention(version));
  const kernel = kernelSteps(demoJobOf(version));
  const results: DemoMachine[] = [];
  const failures: Diagnostic[] = [];
  const boots = usualMachines.map((name): Step => {
    const machine = loadMachine(name);
    return {
      title: `Boot on ${name}`,
      async run(report) {
        try {
          const { result, isKept } = await bootDemoMachine(kernel.finish().image, machine, report);
          results.push(result);
          return `${result.pagesFreed} pages freed${isKept ? ", from an earlier run of the same image" : ""}`;
        } catch (error) {
          // The other machines still get their turn; their results are worth seeing beside this failure.
          if (!(error instanceof JettisonError) || error.exitCode === 2) throw error;
          failures.push(...error.diagnostics);
          return "failed";
        }
      },
    };
  });
  await runSteps([...kernel.steps, ...boots]);

  const { output, image, release } = kernel.finish();
  const text = `${JSON.stringify({ version: demoVersion, machines: results } satisfies DemoJson, null, 2)}\n`;
  if (json) process.stdout.write(text);
  else {
    const options = { styled: isStyled(process.stdout) };
    const gain = await readGain(image);
    process.stdout.write(`\n${formatMachineTable(results, options)}\n${formatMappings(results)}`);
    process.stdout.write(formatMemory(results));
    if (gain !== undefined) process.stdout.write(`\n${formatMemTotals(gain, options)}`);
  }
  failIfAny(failures); // before the report: it holds whole results only
  const file = join(out, "demo.json");
  mkdirSync(out, { recursive: true });
  writeWhole(file, text);
  const report = join(out, "report.html");
  const title = `Linux ${version}, the demo's configuration`;
  const plan = readPlan(output);
  writeWhole(report, renderHtml({ plan, machines: readBoots([file]), build: title }));
  if (write) {
    const tools = (await identifyCompiler()).replace("\n", ", ");
    await writePages(output, { plan, machines: results, measuredWith: `Linux ${release}, ${tools}` });
  }
  if (!json)
    process.stdout.write(`\nkernel  ${join(output, "vmlinux")}\nresult  ${file}\nreport  ${report}\n`);
}

/** Puts what was measured into the project's own pages. */
async function writePages(build: string, result: DemoResult): Promise<void> {
  const { classifyBuild } = await import("../passes.js");
  const { planBuild } = await import("../passes.js");
  const { shippedManifests } = await import("../3-component/shipped.js");
  const { modulesMarkdown } = await import("../report/modulesText.js");
  const { demoCommand, writeDemoPages } = await import("../report/demoPages.js");
  const { replaceGenerated } = await import("../report/generatedPart.js");
  const { writeWhole } = await import("../writeWhole.js");
  const { setAside } = await planBuild(build, shippedManifests, true);
  const parts = {
    ...writeDemoPages(result),
    "docs/modules.md": modulesMarkdown(classifyBuild(build), setAside, result.measuredWith),
  };
  for (const [page, part] of Object.entries(parts)) {
    const file = join(projectRoot, page);
    writeWhole(file, replaceGenerated(file, demoCommand, part));
  }
}

export function registerDemo(program: Command): void {
  program
    .command("demo")
    .description(
      "build Debian's Linux with its optional components grouped, boot it on five machines, show how much memory they get back",
    )
    .addOption(
      new Option("--kernel <version>", "Debian's kernel source; downloaded if it is not installed")
        .choices(supportedVersions())
        .default(demoKernel),
    )
    .option("--out <dir>", "folder for demo.json and report.html", "out")
    .option("--write", "put the tables into README.md, docs/answers.md and docs/modules.md")
    .option("--json", "print the content of demo.json instead of the table")
    .action(demo);
}
