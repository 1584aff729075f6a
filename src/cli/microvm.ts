// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { cacheFolder } from "../cache.js";
import {
  type Microvm,
  type MicrovmKernel,
  type MicrovmRow,
  microvmJob,
  microvmVersion,
  plainMicrovmJob,
} from "../gain/microvm.js";
import { projectRoot } from "../root.js";
import type { Step } from "../steps.js";

interface Options {
  out: string;
  runs: number;
  write?: true;
  json?: true;
}

/** The default of Linux 6.12, runs of 2 MB, and every single page. */
const orders = [9, 0];

const kernels: readonly MicrovmKernel[] = ["plain", "off", "on"];

async function microvm({ out, runs, write, json }: Options): Promise<void> {
  const { makeKernel } = await import("../kernel/makeKernel.js");
  const { readKernelVersion } = await import("../kernel/version.js");
  const { measureIdleGuest } = await import("../machine/idleGuest.js");
  const { formatMicrovm, microvmMarkdown } = await import("../report/microvmText.js");
  const { replaceGenerated } = await import("../report/generatedPart.js");
  const { runSteps } = await import("../steps.js");
  const { writeWhole } = await import("../writeWhole.js");

  const images = new Map<MicrovmKernel, string>();
  const rows: MicrovmRow[] = [];
  const logs = cacheFolder("consoles");
  mkdirSync(logs, { recursive: true });
  const builds: Step[] = [
    {
      title: "Kernel",
      async run(report) {
        const { vmlinux } = await makeKernel(microvmJob, report);
        images.set("off", vmlinux).set("on", vmlinux);
        return vmlinux;
      },
    },
    {
      title: "Plain kernel",
      async run(report) {
        const { vmlinux } = await makeKernel(plainMicrovmJob, report);
        images.set("plain", vmlinux);
        return vmlinux;
      },
    },
  ];
  const boots = orders.flatMap((reportOrder) =>
    kernels.map(
      (kernel): Step => ({
        title: `${kernel}, reports of ${4 << reportOrder} kB`,
        async run(report) {
          const found: MicrovmRow["runs"][number][] = [];
          for (let run = 0; run < runs; run++) {
            report(`run ${run + 1} of ${runs}`);
            const append = `jettison=${kernel === "on" ? "on" : "off"}`;
            const log = join(logs, `microvm-${kernel}-${reportOrder}-${run}.log`);
            found.push(await measureIdleGuest(images.get(kernel)!, { append, reportOrder, log }));
          }
          rows.push({ kernel, reportOrder, runs: found });
          return `${found.map(({ guestResident }) => guestResident / 1024).join(", ")} kB of the guest's RAM`;
        },
      }),
    ),
  );
  await runSteps([...builds, ...boots]);

  const { release } = readKernelVersion(join(images.get("plain")!, "../source"));
  const found: Microvm = { version: microvmVersion, kernel: release, rows };
  const text = `${JSON.stringify(found, null, 2)}\n`;
  mkdirSync(out, { recursive: true });
  writeWhole(join(out, "microvm.json"), text);
  if (write) {
    const page = join(projectRoot, "docs/gain.md");
    writeWhole(page, replaceGenerated(page, "bin/jettison microvm --write", microvmMarkdown(found)));
  }
  process.stdout.write(json ? text : formatMicrovm(found));
}

function parseRuns(text: string): number {
  const runs = Number(text);
  if (!Number.isInteger(runs) || runs < 1 || runs > 100)
    throw new InvalidArgumentError("A number from 1 to 100 is expected.");
  return runs;
}

export function registerMicrovm(program: Command): void {
  program
    .command("microvm")
    .description(
      "measure the host's memory for an idle micro-VM with a plain kernel and with Jettison's, off and on",
    )
    .option("--runs <number>", "boots of each kernel for each size of reported blocks", parseRuns, 5)
    .option("--out <dir>", "folder for microvm.json", "out")
    .option("--write", "put the table into docs/gain.md")
    .option("--json", "print the content of microvm.json instead of the table")
    .action(microvm);
}
