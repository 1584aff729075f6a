// SPDX-License-Identifier: Apache-2.0
/** A packing as a manifest, with what it is worth in comments. */
import { stringify } from "yaml";
import { formatNumber } from "../formatNumber.js";
import type { NamedClass, PackedBuild } from "../packing/packBuild.js";
import { pageSize } from "../pageSize.js";

const pages = (bytes: number) => `${(bytes / pageSize).toFixed(1)} pages`;

export function formatPacking(
  { packing, plain, packed, bound, regions }: PackedBuild,
  classes: readonly NamedClass[],
): string {
  const machines = classes.reduce((sum, { weight }) => sum + weight, 0);
  return [
    "# SPDX-License-Identifier: Apache-2.0",
    `# jettison pack, for ${formatNumber(machines)} machines in ${formatNumber(classes.length)} classes. Expected in memory, per machine,`,
    `# of what components own: ${pages(plain)} in ${regions.plain} regions, packed ${pages(packed)} in ${regions.packed}; no packing has`,
    `# fewer than ${pages(bound)}.`,
    stringify({ packing }, { flowCollectionPadding: true, lineWidth: 0, collectionStyle: "any" }),
  ].join("\n");
}
