// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { formatNumber } from "../formatNumber.js";
import { type Built, plainJob, rebuildKernel, rebuildMachines, rebuildOf } from "../gain/builds.js";
import { type Gain, type GainMachine, gainVersion, type Saving } from "../gain/gain.js";
import { projectRoot } from "../root.js";
import type { Step } from "../steps.js";

interface Options {
  out: string;
  machine: string[];
  rebuild: string[] | false;
  write?: true;
  json?: true;
}

const intention = `This measures what Jettison is worth: MemTotal of each machine of the demo under a plain kernel, under
Jettison's (off and on), and under one built without what the machine lacks. It builds up to five further
kernels, each nearly from nothing: without paravirtual calls hardly an object is the same. The demo's own
took 10 to 20 minutes on two cores. A later run takes what is there. Ctrl-C ends it, and the next run goes on
from there.

`;

async function gain(options: Options): Promise<void> {
  const { weighImage } = await import("../gain/images.js");
  const { weighObjects } = await import("../gain/objectBytes.js");
  const { compareObjects, weighRegions } = await import("../gain/saving.js");
  const { identifyCompiler } = await import("../kernel/compiler.js");
  const { demoJob, kernelSteps, makeKernel } = await import("../kernel/makeKernel.js");
  const { loadMachine } = await import("../machine/machine.js");
  const { readPlan } = await import("../plan/readPlan.js");
  const { bootDemoMachine } = await import("../boots/demoMachine.js");
  const { keepGain } = await import("../gain/gainCache.js");
  const { bootPlainMachine } = await import("../boots/plainMachine.js");
  const { runSteps } = await import("../steps.js");

  process.stderr.write(intention);
  const names = [...new Set(options.machine)];
  const rebuilt = names.filter((name) => options.rebuild !== false && options.rebuild.includes(name));
  const jettison = kernelSteps(demoJob);
  const builds = new Map<string, Built>();
  const outputOf = (name: string) => builds.get(name)!.build;
  const describe = ({ compiled, output }: Built["build"]) =>
    compiled === 0 ? `up to date, ${output}` : `${formatNumber(compiled)} objects compiled, ${output}`;
  const buildPlain: Step = {
    title: "Plain kernel",
    async run(report) {
      const build = await makeKernel(plainJob, report);
      builds.set("plain", { job: plainJob, build });
      return describe(build);
    },
  };
  const rebuilds = new Map(rebuilt.map((machine) => [rebuildOf(machine).name, rebuildOf(machine).job]));
  const buildOthers = [...rebuilds].map(
    ([name, job]): Step => ({
      title: `Rebuild ${name}`,
      async run(report) {
        const build = await rebuildKernel(job, [...builds.values()], report);
        builds.set(name, { job, build });
        return describe(build);
      },
    }),
  );

  const weights = new Map<string, ReturnType<typeof weighObjects>>();
  /** Once for each build, however many machines it is for. */
  const weigh = (folder: string) => {
    const known = weights.get(folder) ?? weighObjects(folder);
    weights.set(folder, known);
    return known;
  };

  const measured: GainMachine[] = [];
  const measureMachine = (name: string): Step => ({
    title: `Boot on ${name}`,
    async run(report) {
      const machine = loadMachine(name);
      const { image, output } = jettison.finish();
      const { result } = await bootDemoMachine(image, machine, report);
      const plain = await bootPlainMachine(outputOf("plain").image, machine);
      const other = rebuilt.includes(name) ? outputOf(rebuildOf(name).name) : undefined;
      const rebuild = other === undefined ? null : (await bootPlainMachine(other.image, machine)).memTotal;
      const plan = readPlan(output);
      const left = new Set(
        result.components.flatMap(({ component, state }) => (state === "jettisoned" ? [component] : [])),
      );
      const saving: Saving | null =
        other === undefined
          ? null
          : {
              build: rebuildOf(name).name,
              ...compareObjects({
                plain: weigh(outputOf("plain").output),
                rebuilt: weigh(other.output),
                own: weigh(output),
                ...{ plan, jettisoned: left },
              }),
            };
      measured.push({
        machine: name,
        title: machine.title,
        memTotal: { plain: plain.memTotal, off: result.memTotalOff, on: result.memTotalOn, rebuild },
        memory: {
          plain: plain.memory,
          off: result.memoryOff ?? null,
          on: result.memoryOn ?? null,
        },
        pagesFreed: result.pagesFreed,
        givenBack: weighRegions(plan, left),
        saving,
      });
      return `${result.pagesFreed} pages freed`;
    },
  });
  await runSteps([...jettison.steps, buildPlain, ...buildOthers, ...names.map(measureMachine)]);

  const { image, vmlinux, release } = jettison.finish();
  const kernels = [["plain", outputOf("plain").vmlinux] as const, ["jettison", vmlinux] as const];
  const others = [...rebuilds.keys()].map((name) => [name, outputOf(name).vmlinux] as const);
  const found: Gain = {
    version: gainVersion,
    kernel: release,
    compiler: (await identifyCompiler()).replace("\n", ", "),
    images: [...kernels, ...others].map(([name, file]) => weighImage(name, file)),
    machines: measured,
  };
  if (rebuildMachines.every((name) => names.includes(name))) await keepGain(image, found);
  await show(found, options);
}

async function show(found: Gain, { out, write, json }: Options): Promise<void> {
  const { formatGain, gainMarkdown, memTotalMarkdown } = await import("../report/gainText.js");
  const { replaceGenerated } = await import("../report/generatedPart.js");
  const { isStyled } = await import("../report/machineTable.js");
  const { writeWhole } = await import("../writeWhole.js");
  const text = `${JSON.stringify(found, null, 2)}\n`;
  mkdirSync(out, { recursive: true });
  writeWhole(join(out, "gain.json"), text);
  if (write) {
    const pages = [
      ["docs/gain.md", gainMarkdown(found)],
      ["docs/answers.md", memTotalMarkdown(found)],
      ["README.md", memTotalMarkdown(found)],
    ] as const;
    for (const [page, part] of pages) {
      const file = join(projectRoot, page);
      writeWhole(file, replaceGenerated(file, "npm run gain -- --write", part));
    }
  }
  if (json) process.stdout.write(text);
  else
    process.stdout.write(
      `${formatGain(found, { styled: isStyled(process.stdout) })}\nresult  ${join(out, "gain.json")}\n`,
    );
}

export function registerGain(program: Command): void {
  program
    .command("gain")
    .description(
      "compare MemTotal under a plain kernel, under Jettison's, and under a kernel rebuilt for the machine",
    )
    .addOption(
      new Option("--machine <name...>", "machines of the demo")
        .choices(rebuildMachines)
        .default([...rebuildMachines], "all"),
    )
    .addOption(
      new Option("--rebuild <name...>", "machines for which a kernel is rebuilt")
        .choices(rebuildMachines)
        .default([...rebuildMachines], "all"),
    )
    .option("--no-rebuild", "do not rebuild kernels, which takes most of the time")
    .option("--out <dir>", "folder for gain.json", "out")
    .option("--write", "put the tables into docs/gain.md, docs/answers.md and README.md")
    .option("--json", "print the content of gain.json instead of the tables")
    .action(gain);
}
