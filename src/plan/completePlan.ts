// SPDX-License-Identifier: Apache-2.0
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { ElfImage } from "../elf/image.js";
import { describeImage, type ImageRange, type PlanImage } from "./image.js";
import type { Plan } from "./plan.js";

const sum = (ranges: readonly ImageRange[]) => ranges.reduce((total, { bytes }) => total + bytes, 0);

/** The sizes of a padding component are known only now: all of it, and the whole pages that can leave. */
export function addImage(plan: Plan, image: PlanImage): Plan {
  const owned = { padding: sum(image.padding) };
  const leaving = { padding: sum(image.leavingPadding) };
  const components = plan.components.map((one) => (one.hasPadding ? { ...one, owned, leaving } : one));
  return { ...plan, components, image };
}

/** Writes the plan at `from` to `to`, with where everything lies in the kernel that was linked by it. */
export function completePlan(from: string, linked: ElfImage, to: string): void {
  const plan = JSON.parse(readFileSync(from, "utf8")) as Plan;
  const image = describeImage(linked);
  writeFileSync(`${to}.new`, `${JSON.stringify(image === undefined ? plan : addImage(plan, image))}\n`);
  renameSync(`${to}.new`, to); // never half a file
}
