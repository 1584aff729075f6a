// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { type Diagnostic, failIfAny, JettisonError } from "../diagnostics.js";
import type { DemoJson, DemoMachine } from "../report/demoJson.js";
import type { Step } from "../step.js";

interface Options {
  out: string;
  json?: true;
}

const intention = `This builds Debian's Linux 6.12 once, with the IOMMU drivers grouped by Jettison, and boots the
one image on five different machines under QEMU. On two cores the first run takes 10 to 20 minutes,
a later one takes what is there and less than a minute. Nothing is installed or changed outside
the cache; Ctrl-C ends it, and the next run goes on from there.

`;

/** Never half a file, whatever ends this process. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

async function demo({ out, json }: Options): Promise<void> {
  const { demoJob, kernelSteps } = await import("../kernel/makeKernel.js");
  const { demoBoots } = await import("../machine/demoBoots.js");
  const { loadMachine, usualMachines } = await import("../machine/machine.js");
  const { readPlan } = await import("../plan/readPlan.js");
  const { readBoots } = await import("../report/boots.js");
  const { renderHtml } = await import("../report/html.js");
  const { formatMachineTable, isStyled } = await import("../report/machineTable.js");
  const { bootFolder, keepResult, readResult } = await import("./demoCache.js");
  const { runSteps } = await import("./steps.js");

  process.stderr.write(intention);
  const kernel = kernelSteps(demoJob);
  const results: DemoMachine[] = [];
  const failures: Diagnostic[] = [];
  const boots = usualMachines.map((name): Step => {
    const machine = loadMachine(name);
    return {
      title: `Boot on ${name}`,
      async run(report) {
        const { image } = kernel.finish();
        const folder = await bootFolder(image, machine);
        const kept = readResult<DemoMachine>(folder);
        if (kept !== undefined) {
          results.push(kept);
          return `${kept.pagesFreed} pages freed, from an earlier run of the same image`;
        }
        mkdirSync(folder, { recursive: true });
        try {
          const { machines } = await demoBoots({ bzImage: image }, [machine], {
            logFolder: folder,
            onDone: (_, mode, { seconds }) => report(`jettison=${mode} done after ${seconds.toFixed(0)} s`),
          });
          const result = machines[0]!;
          keepResult(folder, result);
          results.push(result);
          return `${result.pagesFreed} pages freed`;
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

  const { output } = kernel.finish();
  const text = `${JSON.stringify({ build: output, machines: results } satisfies DemoJson, null, 2)}\n`;
  if (json) process.stdout.write(text);
  else process.stdout.write(`\n${formatMachineTable(results, { styled: isStyled(process.stdout) })}`);
  failIfAny(failures); // before the report: it holds whole results only
  const file = join(out, "demo.json");
  mkdirSync(out, { recursive: true });
  writeWhole(file, text);
  const report = join(out, "report.html");
  const title = "Linux 6.12, the demo's configuration";
  writeWhole(report, renderHtml({ plan: readPlan(output), machines: readBoots([file]), build: title }));
  if (!json)
    process.stdout.write(`\nkernel  ${join(output, "vmlinux")}\nresult  ${file}\nreport  ${report}\n`);
}

export function registerDemo(program: Command): void {
  program
    .command("demo")
    .description(
      "build Debian's Linux 6.12 with the IOMMU components, boot it on five machines, show what they got",
    )
    .option("--out <dir>", "folder for demo.json and report.html", "out")
    .option("--json", "print what demo.json holds instead of the table")
    .action(demo);
}
