// SPDX-License-Identifier: Apache-2.0

import { formatKib } from "../formatNumber.js";
import { describeSpread, type Microvm } from "../gain/microvm.js";
import type { IdleGuest } from "../machine/idleGuest.js";
import type { Table } from "./gainTables.js";
import { markdownTable } from "./markdown.js";
import { formatTable } from "./textTable.js";

/** The median of all runs, and the difference between the greatest and the least. */
function spread(runs: readonly IdleGuest[], field: "guestResident" | "processResident"): string[] {
  const { median, least, most } = describeSpread(runs.map((run) => run[field]));
  return [formatKib(median), formatKib(most - least)];
}

function microvmTable({ rows }: Microvm): Table {
  return {
    head: [
      ...["kernel", "reports from, kB", "runs", "MemTotal, kB", "pages freed"],
      ...["guest RAM in use, kB", "spread, kB", "QEMU process, kB", "spread, kB"],
    ],
    rows: rows.map(({ kernel, reportOrder, runs }) => [
      ...[kernel, `${4 << reportOrder}`, `${runs.length}`],
      ...[formatKib(runs[0]!.memTotal), `${runs[0]!.pagesFreed}`],
      ...[...spread(runs, "guestResident"), ...spread(runs, "processResident")],
    ]),
  };
}

export function formatMicrovm(found: Microvm): string {
  const { head, rows } = microvmTable(found);
  return formatTable(head, rows);
}

/** `bin/jettison microvm --write` puts it into docs/gain.md. */
export function microvmMarkdown(found: Microvm): string {
  const { head, rows } = microvmTable(found);
  return `Linux ${found.kernel}, \`configs/microvm.config\`, 256 MB, one CPU:\n\n${markdownTable(head, rows)}`;
}
