// SPDX-License-Identifier: Apache-2.0
import type { Distribution } from "./distribution.js";

export interface Bin {
  /** Pages, both included. */
  readonly from: number;
  readonly to: number;
  readonly machines: number;
}

const mostBins = 24;

/** One bin for each count of pages, or equal steps if there are too many. */
export function binHistogram(histogram: Distribution["histogram"]): readonly Bin[] {
  if (histogram.length <= mostBins)
    return histogram.map(([pages, machines]) => ({ from: pages, to: pages, machines }));
  const [first, last] = [histogram[0]![0], histogram.at(-1)![0]];
  const step = Math.ceil((last - first + 1) / mostBins);
  const counts: number[] = [];
  for (let from = first; from <= last; from += step) counts.push(0);
  for (const [pages, machines] of histogram) counts[Math.floor((pages - first) / step)]! += machines;
  return counts.map((machines, index) => ({
    from: first + index * step,
    to: first + (index + 1) * step - 1,
    machines,
  }));
}
