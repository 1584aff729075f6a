// SPDX-License-Identifier: Apache-2.0
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { ElfImage } from "../elf/image.js";
import { describeImage } from "./image.js";
import type { Plan } from "./plan.js";

/** Writes the plan at `from` to `to`, with where everything lies in the kernel that was linked by it. */
export function completePlan(from: string, linked: ElfImage, to: string): void {
  const plan = JSON.parse(readFileSync(from, "utf8")) as Plan;
  const image = describeImage(linked);
  writeFileSync(`${to}.new`, `${JSON.stringify(image === undefined ? plan : { ...plan, image })}\n`);
  renameSync(`${to}.new`, to); // never half a file
}
