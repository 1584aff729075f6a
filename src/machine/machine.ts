// SPDX-License-Identifier: Apache-2.0
/** The machines that QEMU emulates: the files of `machines/`, each named after its machine. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { checkDocument } from "../3-component/document.js";
import { nearest } from "../3-component/nearest.js";
import { diagnose, fail, failIfAny } from "../diagnostics.js";
import { projectRoot } from "../root.js";

const words = z.string().trim().min(1);

const qemu = z
  .array(z.array(z.string()).min(1))
  .min(1)
  .describe("Options of QEMU: one list for each option and its value.");
const memory = z.int().min(64).max(65536);
const debianPackage = z
  .string()
  .regex(/^[a-z0-9][a-z0-9+.-]+$/, "the name of a Debian package is expected here");

const schema = z.strictObject({
  title: words.describe("Name for people."),
  proves: words
    .optional()
    .describe("One sentence: what a boot on this machine shows that a boot on no usual machine does."),
  qemu,
  memory: memory.describe("MiB."),
  cpus: z.int().min(1).max(64),
  append: words.describe("Kernel parameters, before those that every machine gets."),
  pvh: z.literal(true).optional().describe("QEMU starts `vmlinux` by PVH instead of a bzImage."),
  xen: z
    .strictObject({
      package: debianPackage.describe("Debian package of the hypervisor."),
      file: z
        .string()
        .regex(/^(?!.*\.\.)[^/].*\.gz$/, "a gzip-compressed file of the package is expected here")
        .describe("The hypervisor in that package."),
      append: words.describe("Its command line."),
      domain: z
        .strictObject({ memory: memory.describe("MiB of the whole machine.") })
        .optional()
        .describe("dom0 starts the image once more, as a PVH domain, and that domain is the machine."),
    })
    .optional()
    .describe("The kernel is dom0."),
  kvm: z
    .strictObject({
      package: debianPackage.describe("Debian package of the host's kernel."),
      qemu,
      memory: memory.describe("MiB of the host."),
    })
    .optional()
    .describe("The kernel is a guest of KVM, in a machine that QEMU emulates."),
});

/** Contents of docs/machine.schema.json. */
export const machineJsonSchema = () => ({
  title: "A machine that jettison boot starts",
  ...z.toJSONSchema(schema),
});

export type Machine = Readonly<z.infer<typeof schema>> & { readonly name: string };

const machineFolder = join(projectRoot, "machines");

const suffix = ".yaml";

function machineNames(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(suffix))
    .map((file) => file.slice(0, -suffix.length))
    .sort();
}

/**
 * The machine of a name, or that of a file, which is a path or ends in .yaml. Throws `machine-unknown` with the nearest
 * names, or `machine-invalid` for all that is wrong in the file.
 */
export function loadMachine(name: string, folder = machineFolder): Machine {
  if (name.endsWith(suffix) || name.includes("/")) {
    if (!statSync(name, { throwIfNoEntry: false })?.isFile())
      fail("machine-unknown", { machine: name, near: [] });
    return parseMachine(basename(name, suffix), name);
  }
  const machine = findMachine(name, folder);
  if (machine !== undefined) return machine;
  const names = machineNames(folder);
  const near = nearest(name, names);
  return fail("machine-unknown", { machine: name, near: near.length > 0 ? near : names });
}

/** The machine of a name, which may come from anywhere: it is never taken for a path. */
export function findMachine(name: string, folder = machineFolder): Machine | undefined {
  return machineNames(folder).includes(name)
    ? parseMachine(name, join(folder, `${name}${suffix}`))
    : undefined;
}

/** Consoles, jobs and results have the name of their machine, jobs with `_` for odd characters: no two may have the same. */
export function loadMachines(names: readonly string[]): Machine[] {
  const machines = names.map((name) => loadMachine(name));
  const first = new Map<string, string>();
  for (const [index, { name }] of machines.entries()) {
    const given = names[index]!;
    const key = fileNameOf(name);
    const other = first.get(key);
    if (other !== undefined) fail("machine-twice", { machine: name, first: other, second: given });
    first.set(key, given);
  }
  return machines;
}

/** A machine's name as a file's, without its suffix. */
export const fileNameOf = (machine: string) => machine.replace(/[^\w.-]/g, "_");

/** The machines that are booted when none is named; every other one of `machines/` is booted by its name only. */
export const usualMachines: readonly string[] = ["vtd", "amdvi", "q35", "pc", "xen-dom0"];

function parseMachine(name: string, file: string): Machine {
  const { data, issues } = checkDocument(readFileSync(file, "utf8"), schema);
  failIfAny(issues.map((issue) => diagnose("machine-invalid", { file, ...issue })));
  return { name, ...data! };
}
