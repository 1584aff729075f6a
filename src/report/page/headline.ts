// SPDX-License-Identifier: Apache-2.0
/** The memory that a machine frees, at a glance: cards, the legend with its sums, the regions. */

import type { ReportMachine } from "../../boots/demoJson.js";
import { type Fates, fates, fateTitles, pagesOfPadding } from "../../model/fates.js";
import type { ReportPlan } from "../../model/packReport.js";
import { pageSize } from "../../x86/x86.js";
import { type Child, h } from "./dom.js";
import type { FateSums } from "./flat.js";
import { count, kilobytes, plural, size } from "./format.js";

/** `bytes`: of the whole image. */
export function makeCards(
  plan: ReportPlan,
  machine: ReportMachine | undefined,
  decided: Fates,
  bytes: number,
): HTMLElement[] {
  const freed = machine?.pagesFreed ?? decided.pagesFreed;
  const all = plan.regions.reduce((total, region) => total + region.pages, pagesOfPadding(plan));
  const cards = [
    card(
      "Freed",
      plural(freed, "page"),
      `${size(freed * pageSize)} of ${size(all * pageSize)} that can leave`,
    ),
    card(
      "Components",
      count(plan.components.filter(({ state }) => state === "planned").length),
      `${plural(plan.refusals.length, "refusal")}, ${plural(plan.pins.length, "pin")}, ${plural(plan.gates.length, "gate")}`,
    ),
  ];
  if (machine === undefined) {
    const note =
      plan.image === undefined
        ? "sections of all objects; there is no linked kernel"
        : "from its first byte to its last";
    return [...cards, card("Image", size(bytes), note)];
  }
  const { memTotalOff, memTotalOn, selftest } = machine;
  if (memTotalOn !== undefined)
    cards.push(
      memTotalOff === undefined
        ? card("MemTotal", kilobytes(memTotalOn), "with what was freed")
        : card(
            "MemTotal",
            `+${kilobytes(memTotalOn - memTotalOff)}`,
            `${kilobytes(memTotalOff)} off, ${kilobytes(memTotalOn)} on`,
          ),
    );
  if (selftest !== undefined)
    cards.push(card("Self-test", describeResult(selftest), `${plural(selftest.pages, "page")} checked`));
  return cards;
}

const card = (title: string, value: string, note: string) =>
  h(
    "div",
    { class: "card" },
    h("dt", {}, title),
    h("dd", {}, h("strong", { class: "value" }, value), h("span", { class: "note" }, note)),
  );

function describeResult({ failures, pages }: NonNullable<ReportMachine["selftest"]>): string {
  if (failures > 0) return plural(failures, "failure");
  return pages === 0 ? "nothing freed" : "passed";
}

/** The fates that there are, each with its bytes of the image. */
export const makeLegend = ({ sums }: FateSums): Child[] =>
  fates.map((fate, index) =>
    sums[index] === 0
      ? undefined
      : h(
          "li",
          {},
          h("span", { class: `key ${fate}`, "aria-hidden": "true" }),
          `${fateTitles[fate]} `,
          h("span", { class: "number" }, size(sums[index]!)),
        ),
  );

export const makeRegions = (plan: ReportPlan, decided: Fates): HTMLElement[] =>
  plan.regions.map(({ name, owners, kind, pages }, index) => {
    const fate = decided.isFreed(index) ? "freed" : "kept";
    const item = h(
      "li",
      { class: `region ${fate}`, title: `region ${name}, ${kind}` },
      h("strong", {}, owners.join(" + ")),
      h("span", {}, `${plural(pages, "page")} of ${kind}, ${fate}`),
    );
    item.style.flexGrow = String(pages);
    return item;
  });
