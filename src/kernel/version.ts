// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../diagnostics.js";

export interface KernelVersion {
  /** The version that a patch series is for: `6.12`. */
  readonly version: string;
  /** As the Makefile has it: `6.12.117`. */
  readonly release: string;
}

/** Reads the head of the top Makefile, and refuses a folder that is not a kernel. */
export function readKernelVersion(source: string): KernelVersion {
  let makefile = "";
  try {
    makefile = readFileSync(join(source, "Makefile"), "utf8").slice(0, 2000);
  } catch {
    fail("source-not-kernel", { folder: source, what: "it has no Makefile" });
  }
  const variable = (name: string) => makefile.match(new RegExp(`^${name} *= *(\\S*) *$`, "m"))?.[1];
  const [major, minor, patch] = [variable("VERSION"), variable("PATCHLEVEL"), variable("SUBLEVEL")];
  const isNumber = (text?: string) => /^\d+$/.test(text ?? "");
  if (!isNumber(major) || !isNumber(minor) || patch === undefined)
    fail("source-not-kernel", { folder: source, what: "its Makefile names no kernel version" });
  const version = `${major}.${minor}`;
  return { version, release: `${version}.${patch}${variable("EXTRAVERSION") ?? ""}` };
}
