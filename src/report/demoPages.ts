// SPDX-License-Identifier: Apache-2.0
/** Measurements of the demo, as the parts of README.md and docs/answers.md that `npm run demo -- --write` writes. */

import type { DemoMachine } from "../boots/demoJson.js";
import { kinds } from "../elf/kind.js";
import { formatNumber } from "../formatNumber.js";
import type { ReportPlan } from "../model/packReport.js";
import { sum, sumValues } from "../sum.js";
import { formatMachineTable } from "./machineTable.js";
import { markdownTable } from "./markdown.js";

export interface DemoResult {
  readonly plan: Pick<ReportPlan, "components" | "regions">;
  readonly machines: readonly DemoMachine[];
  /** The kernel and the tools that made it: `Linux 6.12.90, gcc 12.2.0`. */
  readonly measuredWith: string;
}

export const demoCommand = "npm run demo -- --write";

/** By page. */
export function writeDemoPages(result: DemoResult): Readonly<Record<string, string>> {
  const said = `${result.measuredWith}.`;
  return {
    "README.md": `\`\`\`\n${formatMachineTable(result.machines, { styled: false })}\`\`\`\n${said}`,
    "docs/answers.md": [componentTable(result), said, machineTable(result)].join("\n\n"),
  };
}

/** Sizes of components, the part that can leave, and its pages: a component's own, and those that it shares. */
function componentTable({ plan: { components, regions } }: DemoResult): string {
  const built = components.filter(({ state }) => state !== "not-built");
  const pagesOf = (owners: string) =>
    sum(regions.filter((region) => region.owners.join(" + ") === owners).map(({ pages }) => pages));
  const shared = [...new Set(regions.map(({ owners }) => owners.join(" + ")))].filter((one) =>
    one.includes(" "),
  );
  const rows = [
    ...built.map(({ name, owned, leaving, gates }) => [
      name,
      ...kinds.map((kind) => formatNumber(owned[kind] ?? 0)),
      formatNumber(sumValues(leaving)),
      formatNumber(pagesOf(name)),
      formatNumber(gates),
    ]),
    ...shared.map((owners) => {
      const bytes = regions.filter((one) => one.owners.join(" + ") === owners).map((region) => region.bytes);
      return [owners, ...kinds.map(() => ""), formatNumber(sum(bytes)), formatNumber(pagesOf(owners)), ""];
    }),
  ];
  return markdownTable(["component", ...kinds, "can leave", "pages", "gates"], rows);
}

function machineTable({ machines }: DemoResult): string {
  const rows = machines.map(({ machine, components, pagesFreed, memTotalOff, memTotalOn }) => {
    const named = (left: boolean) =>
      components
        .filter(({ state, pages }) => (state === "jettisoned") === left && pages > 0)
        .map(({ component }) => component)
        .join(", ");
    return [
      machine,
      named(true),
      named(false),
      formatNumber(pagesFreed),
      ...[memTotalOff, memTotalOn, memTotalOn - memTotalOff].map((bytes) => formatNumber(bytes / 1024)),
    ];
  });
  const head = ["machine", "leave", "stay", "pages", "MemTotal off, kB", "on, kB", "more, kB"];
  return markdownTable(head, rows);
}
