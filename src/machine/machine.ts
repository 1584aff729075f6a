// SPDX-License-Identifier: Apache-2.0
/** The machines that QEMU is to be: the files of `machines/`, each named after its machine. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { checkDocument } from "../component/document.js";
import { nearest } from "../component/nearest.js";
import { diagnose, fail, failIfAny } from "../diagnostics.js";
import { projectRoot } from "../root.js";

const words = z.string().trim().min(1);

/** Options of QEMU, each with its value. */
const qemu = z.array(z.array(z.string()).min(1)).min(1);
/** MiB. */
const memory = z.int().min(64).max(65536);
const debianPackage = z
  .string()
  .regex(/^[a-z0-9][a-z0-9+.-]+$/, "the name of a Debian package is expected here");

const schema = z.strictObject({
  title: words,
  /** One sentence: a boot on it shows this, and a boot on no usual machine does. */
  proves: words.optional(),
  qemu,
  memory,
  cpus: z.int().min(1).max(64),
  append: words,
  /** QEMU starts the `vmlinux` itself, by PVH, and no bzImage. */
  pvh: z.literal(true).optional(),
  /** Where the kernel is dom0: the file of a Debian package that QEMU boots, and its command line. */
  xen: z
    .strictObject({
      package: debianPackage,
      file: z
        .string()
        .regex(/^(?!.*\.\.)[^/].*\.gz$/, "a gzip-compressed file of the package is expected here"),
      append: words,
      /** Where dom0 starts the image once more, as a PVH domain, and that is the machine: MiB of all of it. */
      domain: z.strictObject({ memory }).optional(),
    })
    .optional(),
  /** Where the kernel is a guest of KVM: the machine that this one runs in, and the Debian package of its kernel. */
  kvm: z.strictObject({ package: debianPackage, qemu, memory }).optional(),
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
  const names = machineNames(folder);
  if (!names.includes(name)) {
    const near = nearest(name, names);
    fail("machine-unknown", { machine: name, near: near.length > 0 ? near : names });
  }
  return parseMachine(name, join(folder, `${name}${suffix}`));
}

/** The machines that are booted when none is named; every other one of `machines/` is booted by its name only. */
export const usualMachines: readonly string[] = ["vtd", "amdvi", "q35", "pc", "xen-dom0"];

function parseMachine(name: string, file: string): Machine {
  const { data, issues } = checkDocument(readFileSync(file, "utf8"), schema);
  failIfAny(issues.map((issue) => diagnose("machine-invalid", { file, ...issue })));
  return { name, ...data! };
}
