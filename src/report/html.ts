// SPDX-License-Identifier: Apache-2.0
/**
 * The report as one file that needs no network: page, style, script and data. Its security policy names the hashes
 * of its own script and style, so nothing else can run in it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { ReportMachine } from "../boots/demoJson.js";
import type { Imports } from "../exports/modules.js";
import { packReport, type ReportPlan } from "../model/packReport.js";
import type { Plan } from "../plan/plan.js";
import type { Distribution } from "../predict/distribution.js";
import { projectRoot } from "../root.js";

export interface ReportData {
  readonly plan: Plan;
  readonly machines: readonly ReportMachine[];
  /** Who imports the exports of components among the modules built beside the kernel; absent where none were. */
  readonly imports?: Imports;
  /** Predictions for a fleet. */
  readonly fleet?: Distribution;
  /** Name of the kernel, for the head of the page. */
  readonly build?: string;
}

/** The same in the browser. */
export type PageData = Omit<ReportData, "plan"> & { readonly plan: ReportPlan };

const page = join(projectRoot, "dist/report/page");

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

export function renderHtml(data: ReportData): string {
  const style = readFileSync(join(page, "style.css"), "utf8");
  // Nothing in a script element may look like its end.
  const script = readFileSync(join(page, "main.js"), "utf8").replaceAll("</script", "<\\/script");
  const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
    version: string;
  };
  const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`;
  const title = data.build === undefined ? "Jettison report" : `Jettison report: ${data.build}`;
  const packed = gzipSync(packReport(data)).toString("base64");
  const parts: readonly (readonly [string, string])[] = [
    ["@POLICY@", policy],
    ["@TITLE@", escapeHtml(title)],
    ["@VERSION@", escapeHtml(version)],
    ["<style></style>", `<style>${style}</style>`],
    ['id="data"></script>', `id="data">${packed}</script>`],
    ['<script type="module"></script>', `<script type="module">${script}</script>`],
  ];
  // A function, because `$&` in the script is not meant as a pattern.
  return parts.reduce(
    (text, [place, part]) => text.replace(place, () => part),
    readFileSync(join(page, "page.html"), "utf8"),
  );
}
