// SPDX-License-Identifier: Apache-2.0
/** Whether the kernel's script gives the entry text pages of its own, and has a place for what fills the hole behind it. */
import { existsSync, readFileSync } from "node:fs";
import { pathIn } from "./inputs.js";

/** The configuration as make reads it, in the folder of the build. */
const configuration = "include/config/auto.conf";

export function hasCompactText(build: string): boolean {
  const file = pathIn(build, configuration);
  return existsSync(file) && /^CONFIG_X86_COMPACT_TEXT=y$/m.test(readFileSync(file, "utf8"));
}
