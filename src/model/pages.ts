// SPDX-License-Identifier: Apache-2.0
/** The image page by page: what each page is for, and to which region it belongs. */

import { kinds } from "../elf/kind.js";
import type { PlanImage } from "../plan/image.js";
import { pageSize } from "../x86/x86.js";
import type { ReportPlan } from "./packReport.js";

export const pageUses = [...kinds, "boot", "padding", "gate", "region"] as const;
export type PageUse = (typeof pageUses)[number];

export interface Pages {
  readonly count: number;
  /** Index into `pageUses`. */
  readonly use: Uint8Array;
  /** Index of the plan's region; -1: none. */
  readonly region: Int16Array;
  /** Index of the image's section that holds most of it; -1: a gap. */
  readonly section: Int16Array;
}

export function drawPages(plan: ReportPlan, image: PlanImage): Pages {
  const count = Math.ceil(image.bytes / pageSize);
  const use = new Uint8Array(count).fill(pageUses.indexOf("boot"));
  const region = new Int16Array(count).fill(-1);
  const section = new Int16Array(count).fill(-1);
  const most = new Uint32Array(count);
  image.sections.forEach(({ offset, bytes, memory }, index) => {
    const end = offset + bytes;
    for (let page = Math.floor(offset / pageSize); page * pageSize < end; page++) {
      const share = Math.min(end, (page + 1) * pageSize) - Math.max(offset, page * pageSize);
      if (share <= most[page]!) continue;
      most[page] = share;
      section[page] = index;
      use[page] = pageUses.indexOf(memory === "init" ? "boot" : memory);
    }
  });
  /** Pages that lie wholly in a range. */
  const fill = (offset: number, bytes: number, as: PageUse) => {
    for (let page = Math.ceil(offset / pageSize); (page + 1) * pageSize <= offset + bytes; page++)
      use[page] = pageUses.indexOf(as);
  };
  for (const { offset, bytes } of image.padding) fill(offset, bytes, "padding");
  for (const { offset } of image.gates) use[Math.floor(offset / pageSize)] = pageUses.indexOf("gate");
  for (const { name, offset, bytes } of image.regions) {
    const index = plan.regions.findIndex((one) => one.name === name);
    if (index < 0) continue;
    fill(offset, bytes, "region");
    for (let page = offset / pageSize; page * pageSize < offset + bytes; page++) region[page] = index;
  }
  return { count, use, region, section };
}
