// SPDX-License-Identifier: Apache-2.0
/** A packing as a manifest, with its costs in comments. */

import type { PackedRegionName } from "../3-component/packing.js";
import { formatNumber } from "../formatNumber.js";
import type { NamedClass, PackedBuild } from "../packing/packBuild.js";
import { sum } from "../sum.js";
import { pageSize } from "../x86/x86.js";

const list = (key: string, lines: readonly string[]) =>
  lines.length === 0 ? [`  ${key}: []`] : [`  ${key}:`, ...lines.map((line) => `    - ${line}`)];
const formatRegion = ({ kind, of }: PackedRegionName) => `{ kind: ${kind}, of: [${of.join(", ")}] }`;
const pages = (bytes: number) => `${(bytes / pageSize).toFixed(1)} pages`;

export function formatPacking(
  { packing, plain, packed, bound, regions }: PackedBuild,
  classes: readonly NamedClass[],
): string {
  const machines = sum(classes.map(({ weight }) => weight));
  return [
    "# SPDX-License-Identifier: Apache-2.0",
    `# jettison pack, for ${formatNumber(machines)} machines in ${formatNumber(classes.length)} classes. Expected in memory, per machine,`,
    `# of what components own: ${pages(plain)} in ${regions.plain} regions, packed ${pages(packed)} in ${regions.packed}; no packing has`,
    `# fewer than ${pages(bound)}.`,
    "packing:",
    ...list(
      "together",
      packing.together.map((bundle) => `[${bundle.join(", ")}]`),
    ),
    ...list("stay", packing.stay.map(formatRegion)),
    ...list("leave", packing.leave.map(formatRegion)),
    "",
  ].join("\n");
}
