// SPDX-License-Identifier: Apache-2.0
/** How far a kernel build is, from what make prints. */
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
 * What a build of a configuration with so many options set to y may come to. A straight line through the two
 * configurations shipped: good to show that it moves, and shown as an estimate.
 */
export const estimateObjects = (options: number) => Math.round((1.5 * options) / 50) * 50;

function countObjects(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.o$/.test(name))
    .length;
}

export interface ProgressReader {
  take(line: string): KernelProgress | undefined;
  done(): number;
  compiled(): number;
  linked(): boolean;
  /** Whether `done` is the count of all objects: nothing was there, and the build came to its end. */
  complete(): boolean;
}

export function readProgress(output: string, total: number, counted: boolean): ProgressReader {
  const before = countObjects(output);
  let compiled = 0;
  let phase: KernelProgress["phase"] = "objects";
  const done = () => (counted ? Math.min(before + compiled, total) : before + compiled);
  return {
    take(line) {
      const step = line.match(/^ {2}([A-Z0-9]+)(?: \[M\])? +(\S+)/);
      if (step === null) return undefined;
      const [, what, file] = step as unknown as [string, string, string];
      if (what === "CC" || what === "AS") compiled++;
      else if (what === "LD" && file === "vmlinux.o") phase = "link";
      else if (what === "SORTTAB" || file.startsWith("arch/x86/boot/"))
        phase = phase === "objects" ? phase : "image";
      else return undefined;
      return { phase, done: done(), total: Math.max(total, done()), counted };
    },
    done,
    compiled: () => compiled,
    linked: () => phase !== "objects",
    complete: () => before === 0,
  };
}
