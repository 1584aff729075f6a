// SPDX-License-Identifier: Apache-2.0
/** The contents of `out/microvm.json`: the host's memory for an idle micro-VM. Sizes are bytes. */
import { join } from "node:path";
import { demoJob, type KernelJob } from "../kernel/makeKernel.js";
import type { IdleGuest } from "../machine/idleGuest.js";
import { projectRoot } from "../root.js";

export const microvmVersion = 1;

export const microvmJob: KernelJob = {
  ...demoJob,
  configuration: { kind: "tiny", file: join(projectRoot, "configs/microvm.config") },
};

export const plainMicrovmJob: KernelJob = {
  ...microvmJob,
  plain: true,
  functionSections: false,
  components: [],
};

export type MicrovmKernel = "plain" | "off" | "on";

export interface MicrovmRow {
  readonly kernel: MicrovmKernel;
  /** The guest reports runs of 2^order pages and longer. */
  readonly reportOrder: number;
  readonly runs: readonly IdleGuest[];
}

export interface Microvm {
  readonly version: typeof microvmVersion;
  readonly kernel: string;
  readonly rows: readonly MicrovmRow[];
}

export function describeSpread(values: readonly number[]): { median: number; least: number; most: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}
