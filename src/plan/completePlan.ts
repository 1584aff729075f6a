// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import type { ElfImage } from "../elf/image.js";
import { sum } from "../sum.js";
import { writeWhole } from "../writeWhole.js";
import { describeImage, type ImageRange, type PlanImage } from "./image.js";
import type { Plan } from "./plan.js";

const sumBytes = (ranges: readonly ImageRange[]) => sum(ranges.map(({ bytes }) => bytes));

/** Fills in the sizes of tables and of a padding component, which are known only now: all bytes, and the whole pages that can leave. */
export function addImage(plan: Plan, image: PlanImage): Plan {
  const owned = { padding: sumBytes(image.padding) };
  const leaving = { padding: sumBytes(image.leavingPadding) };
  const components = plan.components.map((one) => {
    if (one.hasPadding) return { ...one, owned, leaving };
    const table = one.isTable ? image.tables?.find(({ name }) => name === one.name) : undefined;
    return table === undefined
      ? one
      : { ...one, owned: { rodata: table.bytes }, leaving: { rodata: table.bytes } };
  });
  return { ...plan, components, image };
}

/** Writes the plan at `from` to `to`, with where everything lies in the kernel that was linked by it. */
export function completePlan(from: string, linked: ElfImage, to: string): void {
  const plan = JSON.parse(readFileSync(from, "utf8")) as Plan;
  const image = describeImage(linked);
  writeWhole(to, `${JSON.stringify(image === undefined ? plan : addImage(plan, image))}\n`);
}
