// SPDX-License-Identifier: Apache-2.0

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { cacheFolder } from "../cache.js";
import { type AcceleratorChoice, acceleratorChoices } from "../machine/accelerator.js";
import type { BootResult } from "../machine/boot.js";
import type { Audit } from "../machine/console.js";
import type { Machine } from "../machine/machine.js";
import { colourOf, stateColours } from "../report/colour.js";
import type { Step } from "../steps.js";
import { pageSize } from "../x86/x86.js";

interface Options {
  machine?: string[];
  accel: AcceleratorChoice;
  append?: string[];
  fill: boolean;
  json?: true;
  ktap?: true;
}

const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

/** The sums of the last search, and each find of all searches, as the kernel names it. */
function describeAudit(audit: Audit, kernelLog: readonly string[]): string[] {
  const { pages, data, percpu, slab, stack, other } = audit;
  const finds = kernelLog.filter(
    (line) => line.startsWith("jettison: audit: ") && / points at | more$/.test(line),
  );
  return [
    `  audit: ${data + percpu + slab + stack + other} words found in ${pages} pages: ${data} in data, ${percpu} in per-CPU data, ${slab} in slabs, ${stack} on stacks, ${other} elsewhere`,
    ...[...new Set(finds)].map((line) => `    ${line.slice("jettison: audit: ".length)}`),
  ];
}

function describeBoot(result: BootResult, styled: boolean): string {
  const colour = colourOf({ styled });
  const { machine, memTotal, mode, components, pages, selftest, audit, fill, kernelLog, log } = result;
  const width = Math.max(0, ...components.map(({ component }) => component.length));
  return [
    `${machine}: MemTotal ${memTotal / 1024} kB, jettison=${mode ?? "not in this kernel"}, ${pages} pages freed`,
    ...components.map(
      ({ component, state, reason, bytes }) =>
        `  ${component.padEnd(width)}  ${colour(stateColours[state], state.padEnd(10))}  ${String(bytes / pageSize).padStart(4)} pages  ${reason}`,
    ),
    ...(selftest === null
      ? []
      : [`  self-test: ${selftest.pages} pages, ${selftest.gates} gates, ${selftest.failures} failures`]),
    ...(audit === null ? [] : describeAudit(audit, kernelLog)),
    ...(fill === null
      ? []
      : [
          `  used and read back: ${mebibytes(fill.tmpfsBytes)} in tmpfs, ${mebibytes(fill.slabBytes)} in slab objects`,
        ]),
    `  console: ${log}`,
    "",
  ].join("\n");
}

/** The result of a boot without the path of its console, which is only of this machine. */
const toJson = ({ log, ...shown }: BootResult) => shown;

/** The machines, and how each is booted; all that a user may have got wrong is refused before the first boot. */
async function prepareBoots(given: string, { machine: names, accel, append = [], fill }: Options) {
  const { chooseAccelerator } = await import("../machine/accelerator.js");
  const { fileFor, findImage } = await import("../machine/image.js");
  const { loadMachines, usualMachines } = await import("../machine/machine.js");
  const machines = loadMachines(names ?? usualMachines);
  const image = await findImage(given);
  const logs = cacheFolder("consoles");
  mkdirSync(logs, { recursive: true });
  const optionsFor = async (machine: Machine, onLine: (line: string) => void) => ({
    accelerator: await chooseAccelerator(accel, fileFor(image, machine), machine),
    append: append.join(" "),
    fill,
    log: join(logs, `${machine.name}.log`),
    onLine,
  });
  return { machines, image, optionsFor };
}

async function boot(given: string, options: Options): Promise<void> {
  const { json } = options;
  const { bootMachine } = await import("../machine/boot.js");
  const { bootsVersion } = await import("../boots/readBoots.js");
  const { isStyled } = await import("../report/machineTable.js");
  const { runSteps } = await import("../steps.js");
  const { machines, image, optionsFor } = await prepareBoots(given, options);
  const results: BootResult[] = [];
  const steps = machines.map(
    (machine): Step => ({
      title: machine.name,
      async run(report) {
        const how = await optionsFor(machine, report);
        const result = await bootMachine(image, machine, how);
        results.push(result);
        return `${result.pages} pages freed${how.accelerator === "kvm" ? ", under KVM" : ""}`;
      },
    }),
  );
  try {
    await runSteps(steps);
  } finally {
    // The machines before the one that failed have a result all the same.
    process.stdout.write(
      json
        ? `${JSON.stringify({ version: bootsVersion, boots: results.map(toJson) }, null, 2)}\n`
        : results.map((result) => describeBoot(result, isStyled(process.stdout))).join("\n"),
    );
  }
}

/** A guest that fails is the result of a test, and the next machine is booted all the same. */
async function bootAsTests(given: string, options: Options): Promise<void> {
  const { attemptBoot } = await import("../machine/boot.js");
  const { checkBoot, hasFailed } = await import("../lab/checks.js");
  const { formatKtap, ktapHead } = await import("../lab/ktap.js");
  const { runSteps } = await import("../steps.js");
  const { machines, image, optionsFor } = await prepareBoots(given, options);
  const steps = machines.map(
    (machine, index): Step => ({
      title: machine.name,
      async run(report) {
        const attempt = await attemptBoot(image, machine, await optionsFor(machine, report));
        const outcome =
          "cause" in attempt
            ? { machine: machine.name, boot: undefined, failure: attempt }
            : { machine: machine.name, boot: { ...attempt, components: [...attempt.components] } };
        if (index === 0) process.stdout.write(ktapHead(machines.length));
        process.stdout.write(formatKtap(index + 1, outcome));
        const isBad = hasFailed(checkBoot(outcome));
        if (isBad) process.exitCode = 1;
        return isBad ? "failed" : "passed";
      },
    }),
  );
  await runSteps(steps);
}

export function registerBoot(program: Command): void {
  program
    .command("boot")
    .description("boot an image under QEMU, read /sys/kernel/jettison, use all of its memory")
    .argument("<image>", "bzImage or vmlinuz, vmlinux for PVH, a kernel's .deb, or a build folder")
    .option("--machine <name...>", "names from machines/*.yaml, or files of that form (default: the demo's)")
    .addOption(
      new Option(
        "--accel <how>",
        "KVM or QEMU's own translator (tcg); auto is KVM if a trial guest starts under it",
      )
        .choices(acceleratorChoices)
        .default("tcg"),
    )
    .option("--append <words...>", "additional kernel parameters, such as jettison.keep=amd-vi")
    .option("--no-fill", "do not fill the guest's memory")
    .addOption(
      new Option(
        "--ktap",
        "print the results as KTAP, one test per machine; exit with 1 if one fails",
      ).conflicts("json"),
    )
    .option("--json", "print the results of the boots as JSON, sizes in bytes")
    .action((given: string, options: Options) => (options.ktap ? bootAsTests : boot)(given, options));
}
