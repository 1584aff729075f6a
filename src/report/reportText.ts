// SPDX-License-Identifier: Apache-2.0
/** The report as text, as Markdown for a pull request, and as JSON for programs. All read the same figures. */

import type { ReportMachine } from "../boots/demoJson.js";
import { formatNumber } from "../formatNumber.js";
import { accountForImage } from "../plan/account.js";
import type { Plan } from "../plan/plan.js";
import { sumValues } from "../sum.js";
import { pageSize } from "../x86/x86.js";
import type { TextOptions } from "./colour.js";
import type { ReportData } from "./html.js";
import { formatMachineTable, formatMappings } from "./machineTable.js";
import { markdownTable } from "./markdown.js";
import { formatPlan } from "./planText.js";

const reportVersion = 1;

export function formatReport({ plan, machines }: ReportData, options: TextOptions): string {
  const parts = [formatPlan(plan, options)];
  if (machines.length > 0) parts.push(formatMachineTable(machines, options), formatMappings(machines));
  return parts.filter((part) => part !== "").join("\n");
}

const words = { kept: "kept", jettisoned: "freed", refused: "refused", withheld: "withheld" } as const;
export function formatReportMarkdown({ plan, machines, build }: ReportData): string {
  const padding = (plan.image?.leavingPadding ?? []).reduce(
    (total, { bytes }) => total + bytes / pageSize,
    0,
  );
  const pages = plan.regions.reduce((total, region) => total + region.pages, padding);
  const parts = [
    `### Jettison${build === undefined ? "" : `: ${build}`}`,
    "",
    `${formatNumber(pages)} pages can leave, through ${formatNumber(plan.gates.length)} gates; ${formatNumber(plan.pins.length)} pins, ${formatNumber(plan.refusals.length)} refusals.`,
    "",
  ];
  if (machines.length > 0) parts.push(machineMarkdown(plan, machines), "");
  parts.push(
    markdownTable(
      ["component", "state", "owns", "can leave", "stays", "gates", "can appear"],
      plan.components.map(({ name, state, owned, leaving, gates, canAppear }) => [
        name,
        state,
        formatNumber(sumValues(owned)),
        formatNumber(sumValues(leaving)),
        formatNumber(sumValues(owned) - sumValues(leaving)),
        formatNumber(gates),
        canAppear,
      ]),
    ),
    "",
    ...plan.refusals.map(({ component, text }) => `- ${component} is refused: \`${text}\``),
  );
  return `${parts.join("\n").trimEnd()}\n`;
}

function machineMarkdown(plan: Plan, machines: readonly ReportMachine[]): string {
  const names = plan.components
    .filter(({ state }) => state !== "not-built")
    .map(({ name }) => name)
    .filter((name) => machines.some(({ components }) => components.some((one) => one.component === name)));
  return markdownTable(
    ["machine", ...names, "pages freed", "MemTotal, kB", "self-test"],
    machines.map(({ title, components, pagesFreed, memTotalOff, memTotalOn, selftest }) => [
      title,
      ...names.map((name) => {
        const found = components.find(({ component }) => component === name);
        return found === undefined ? "-" : `${found.pages} ${words[found.state]}`;
      }),
      formatNumber(pagesFreed),
      memTotalOff === undefined || memTotalOn === undefined
        ? "-"
        : `+${formatNumber((memTotalOn - memTotalOff) / 1024)}`,
      selftest === undefined ? "-" : selftest.failures === 0 ? "ok" : `${selftest.failures} bad`,
    ]),
  );
}

/** Without the columns: who wants every unit reads `plan.json`. Sizes are bytes. */
export function reportJson({ plan, machines, build, imports, fleet }: ReportData): unknown {
  const { components, regions, gates, exports, pins, refusals, tooSmall, totals, image } = plan;
  return {
    version: reportVersion,
    ...(build === undefined ? {} : { build }),
    machines,
    ...{ components, regions, gates, exports, pins, refusals, tooSmall, totals },
    ...(imports === undefined ? {} : { imports }),
    ...(fleet === undefined ? {} : { fleet }),
    ...(image === undefined ? {} : { image, account: accountForImage(image) }),
  };
}
