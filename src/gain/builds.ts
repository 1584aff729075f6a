// SPDX-License-Identifier: Apache-2.0
/**
 * The kernels to which Jettison's gain is compared, from the demo's configuration: the plain kernel, and for each
 * machine the kernel that somebody would configure for it.
 */
import { join } from "node:path";
import type { KernelBuild } from "../kernel/buildKernel.js";
import { readConfiguration } from "../kernel/configureKernel.js";
import { demoJob, type KernelJob, makeKernel } from "../kernel/makeKernel.js";
import { projectRoot } from "../root.js";

export const plainJob: KernelJob = { ...demoJob, plain: true, functionSections: false, components: [] };

/** By machine what of the configuration it has no use for. */
const changesByMachine: Readonly<Record<string, string>> = {
  vtd: "vtd",
  amdvi: "amdvi",
  q35: "no-iommu",
  pc: "no-iommu",
  "xen-dom0": "xen-dom0",
};

export const rebuildMachines: readonly string[] = Object.keys(changesByMachine);

/** Several machines may share one, and its name. */
export function rebuildOf(machine: string): { readonly name: string; readonly job: KernelJob } {
  const name = changesByMachine[machine]!;
  const changes = join(projectRoot, "configs/without", `${name}.config`);
  return { name, job: { ...plainJob, configuration: { ...plainJob.configuration, changes } } };
}

export interface Built {
  readonly job: KernelJob;
  readonly build: KernelBuild;
}

/** Builds it from a copy of that finished build whose options differ least. */
export function rebuildKernel(
  job: KernelJob,
  built: readonly Built[],
  report: (text: string) => void,
): Promise<KernelBuild> {
  const [nearest] = built
    .map((one) => ({ ...one, distance: countDifferences(one.job, job) }))
    .sort((a, b) => a.distance - b.distance);
  return makeKernel(
    { ...job, ...(nearest === undefined ? {} : { startFrom: nearest.build.output }) },
    report,
  );
}

const settings = ({ configuration }: KernelJob) =>
  new Map(readConfiguration(configuration).map(({ name, value }) => [name, value]));

function countDifferences(one: KernelJob, other: KernelJob): number {
  const [ours, theirs] = [settings(one), settings(other)];
  const names = new Set([...ours.keys(), ...theirs.keys()]);
  return [...names].filter((name) => (ours.get(name) ?? "n") !== (theirs.get(name) ?? "n")).length;
}
