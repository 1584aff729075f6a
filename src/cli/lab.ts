// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { LabOutcome } from "../lab/kcidb.js";
import type { LabFile } from "../lab/lavaJob.js";
import { copyWhole, writeWhole } from "../writeWhole.js";

interface Options {
  output: string;
  url?: string;
  machine?: string[];
  append: string[];
  deviceType?: string;
  method: "grub" | "ipxe";
  console?: string[];
  origin: string;
  checkout?: string;
  json?: true;
}

const sha256 = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** The image and the guest's program lie beside the jobs, which name them by their address. */
async function writeJobs(build: string, { output, url, machine: names, append, ...options }: Options) {
  const { formatLavaJob } = await import("../lab/lavaJob.js");
  const { fileFor, findImage } = await import("../machine/image.js");
  const { guestInitramfs } = await import("../machine/initramfs.js");
  const { fileNameOf, loadMachine, loadMachines, usualMachines } = await import("../machine/machine.js");
  const image = await findImage(build);
  const place = url === undefined ? pathToFileURL(resolve(output)).href : url.replace(/\/+$/, "");
  const published = new Map<string, LabFile>();
  const publish = (name: string, from: string): LabFile => {
    const to = join(output, name);
    const already = published.get(name);
    if (already !== undefined) return already;
    if (resolve(from) !== resolve(to)) copyWhole(from, to);
    const file = { url: `${place}/${name}`, sha256sum: sha256(to) };
    published.set(name, file);
    return file;
  };
  const ramdisk = publish("guest.cpio.gz", await guestInitramfs());
  const { deviceType, method } = options;
  const usual = usualMachines.filter((name) => loadMachine(name).xen === undefined);
  const targets =
    deviceType === undefined ? loadMachines(names ?? usual) : [{ name: deviceType, method, pvh: undefined }];
  const jobs = targets.map((target) => ({
    file: join(output, `${fileNameOf(target.name)}.yaml`),
    text: formatLavaJob(target, append.join(" "), {
      kernel: publish(target.pvh ? "vmlinux" : "bzImage", fileFor(image, target)),
      ramdisk,
    }),
  }));
  for (const { file, text } of jobs) writeWhole(file, text);
  return jobs.map(({ file }) => file);
}

async function readOutcomes(build: string, boots: readonly string[], consoles: readonly string[]) {
  const { readPlan } = await import("../plan/readPlan.js");
  const { readBootFile, titleOf } = await import("../boots/readBoots.js");
  const { checkConsoles, readConsoles, toBoot } = await import("../boots/consoles.js");
  const saved = readConsoles(consoles);
  checkConsoles(readPlan(build), saved);
  const ofFiles = boots
    .flatMap((file) => readBootFile(file))
    .map((boot): LabOutcome => ({ machine: boot.machine, title: titleOf(boot.machine), boot }));
  const ofConsoles = saved.map((one): LabOutcome => {
    const { machine, title } = one;
    const { problem, trouble, tail } = one.saved;
    const cause = trouble?.cause ?? problem?.what;
    return {
      ...{ machine, title, boot: problem === undefined ? toBoot(one) : undefined },
      ...(cause === undefined ? {} : { failure: { cause, console: tail.join("\n") } }),
    };
  });
  return {
    outcomes: [...ofFiles, ...ofConsoles],
    release: saved.find((one) => one.saved.release)?.saved.release,
  };
}

async function lab(build: string, boots: readonly string[], options: Options): Promise<void> {
  const { output, console: consoles = [], origin, checkout, json } = options;
  mkdirSync(output, { recursive: true });
  const jobs = await writeJobs(build, options);
  let summary: string | undefined;
  if (boots.length + consoles.length > 0) {
    const { fileFor, findImage } = await import("../machine/image.js");
    const { summariseForKernelCi } = await import("../lab/kcidb.js");
    const { outcomes, release } = await readOutcomes(build, boots, consoles);
    summary = join(output, "kcidb.json");
    const contents = summariseForKernelCi(outcomes, {
      ...{ origin, release, sha256: sha256(fileFor(await findImage(build), { name: build })) },
      ...(checkout === undefined ? {} : { checkout }),
    });
    writeWhole(summary, `${JSON.stringify(contents, null, 2)}\n`);
  }
  process.stdout.write(
    json
      ? `${JSON.stringify({ version: 1, jobs, ...(summary === undefined ? {} : { summary }) }, null, 2)}\n`
      : [...jobs, ...(summary === undefined ? [] : [summary]), ""].join("\n"),
  );
}

function matching(pattern: RegExp, what: string) {
  return (value: string) => {
    if (!pattern.test(value)) throw new InvalidArgumentError(what);
    return value;
  };
}

export function registerLab(program: Command): void {
  program
    .command("lab")
    .description("write LAVA jobs that boot a build, and a summary of results for KernelCI")
    .argument("<build>", "the folder of a build")
    .argument("[boots...]", "results for the summary: the output of jettison boot --json, or a demo.json")
    .option("-o, --output <dir>", "output folder for jobs, the image and the initramfs", "lab")
    .option("--url <address>", "address of that folder for LAVA (default: file:// and its path)")
    .option("--machine <name...>", "names from machines/*.yaml (default: the demo's without Xen)")
    .option("--append <words...>", "kernel parameters", ["jettison=selftest"])
    .addOption(
      new Option("--device-type <name>", "write one job, for real machines of this device type").conflicts(
        "machine",
      ),
    )
    .addOption(
      new Option("--method <method>", "how LAVA boots that device type")
        .choices(["grub", "ipxe"])
        .default("grub"),
    )
    .option("--console <log...>", "saved consoles or LAVA's logs for the summary; NAME=LOG names the machine")
    .option(
      "--origin <name>",
      "origin of the summary in KernelCI's database",
      matching(/^[a-z0-9_]+$/, "lower-case letters, digits and _ are expected"),
      "jettison",
    )
    .option(
      "--checkout <id>",
      "id of the source in KernelCI's database, ORIGIN:ID",
      matching(/^[a-z0-9_]+:.+$/, "ORIGIN:ID is expected"),
    )
    .option("--json", "print the names of the files as JSON")
    .action(lab);
}
