// SPDX-License-Identifier: Apache-2.0

import type { Estimate } from "../estimate/estimate.js";
import { sum } from "../sum.js";
import { formatTable } from "./textTable.js";

/** An estimate for a terminal. */
export function formatEstimate({
  components,
  bytes,
  scenarios,
  averagePages,
  disagreements,
}: Estimate): string {
  const total = sum(components.map(({ pages }) => pages));
  const parts = [
    formatTable(
      ["component", "bytes", "pages"],
      [...components.map((one) => [one.component, one.bytes, one.pages]), ["in all", bytes, total]],
    ),
    formatTable(
      ["on", "leave", "pages"],
      [
        ...scenarios.map(({ scenario, title, leaves, pages }) => [
          title === scenario ? title : `${title} (${scenario})`,
          leaves.join(", ") || "none",
          pages,
        ]),
        ["on average", "", Math.round(averagePages * 10) / 10],
      ],
    ),
  ];
  if (disagreements.length > 0) parts.push(`${disagreements.join("\n")}\n`);
  return parts.join("\n");
}
