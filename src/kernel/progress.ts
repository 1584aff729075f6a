// SPDX-License-Identifier: Apache-2.0
/** The progress of a kernel build, from the output of make. */
import { existsSync, readdirSync } from "node:fs";

export interface KernelProgress {
  readonly phase: "objects" | "link" | "image";
  /** Objects that are there, counting those of an earlier, interrupted run. */
  readonly done: number;
  readonly total: number;
  /** Whether `total` was counted in an earlier build of this folder; it is an estimate otherwise. */
  readonly counted: boolean;
}

/**
 * Estimates the objects of a configuration with so many options set to y: the line through the two
 * configurations shipped, 663 options and 1,117 objects, 910 and 1,540. Elsewhere good to show that it moves,
 * and shown as an estimate.
 */
export const estimateObjects = (options: number) => Math.round((1.69 * options) / 50) * 50;

/** The objects in a build folder, whoever made them. */
export function countObjects(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.o$/.test(name))
    .length;
}

export interface ProgressReader {
  take(line: string): KernelProgress | undefined;
  /** Objects compiled or assembled in this run. */
  compiled(): number;
  linked(): boolean;
}

export function readProgress(output: string, total: number, counted: boolean): ProgressReader {
  let done = countObjects(output);
  let compiled = 0;
  let phase: KernelProgress["phase"] = "objects";
  return {
    take(line) {
      const step = line.match(/^ {2}([A-Z0-9]+)(?: \[M\])? +(\S+)/);
      if (step === null) return undefined;
      const [, what, file] = step as unknown as [string, string, string];
      if (what === "CC" || what === "AS") compiled++;
      if (what === "LD" && file === "vmlinux.o") phase = "link";
      else if (phase === "link" && file.startsWith("arch/x86/boot/")) phase = "image";
      if (!file.endsWith(".o")) return undefined;
      // An object that is made again is there already: a total that was counted is never passed, and one
      // that was guessed grows.
      done = counted ? Math.min(done + 1, total) : done + 1;
      return { phase, done, total: Math.max(total, done), counted };
    },
    compiled: () => compiled,
    linked: () => phase !== "objects",
  };
}
