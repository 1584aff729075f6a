// SPDX-License-Identifier: Apache-2.0
/** Predictions for many machines: a histogram, which is a table with bars, and its sums by kind of machine. */
import type { Distribution, MachineGroup, Quartiles } from "../../predict/distribution.js";
import { binHistogram } from "../../predict/histogram.js";
import type { Child } from "./dom.js";
import { count, share } from "./format.js";
import { makeTable } from "./table.js";

const svg = "http://www.w3.org/2000/svg";

/** A bar of so many hundredths. */
function makeBar(length: number): Node {
  const frame = document.createElementNS(svg, "svg");
  frame.setAttribute("class", "bar-chart");
  frame.setAttribute("aria-hidden", "true");
  const bar = document.createElementNS(svg, "rect");
  bar.setAttribute("width", `${Math.max(length, 0.5)}%`);
  bar.setAttribute("height", "100%");
  frame.append(bar);
  return frame;
}

const quartiles = ({ min, q1, median, q3, max }: Quartiles) => [min, q1, median, q3, max].map(count);
const heads = ["Min", "Q1", "Median", "Q3", "Max"].map((title) => ({ title, isNumber: true }));

const makeGroups = (caption: string, title: string, groups: readonly MachineGroup[]) =>
  makeTable({
    caption,
    columns: [{ title }, { title: "Machines", isNumber: true }, ...heads],
    rows: groups.map(({ name, machines, pages }) => [name, count(machines), ...quartiles(pages)]),
    most: 10,
  });

export function makeFleet({
  machines,
  pages,
  most,
  histogram,
  components,
  byFormFactor,
  byVendor,
}: Distribution): Child[] {
  const bins = binHistogram(histogram);
  const highest = Math.max(...bins.map((bin) => bin.machines));
  return [
    makeTable({
      caption: `Pages that leave, on ${count(machines)} machines`,
      columns: [{ title: "Pages" }, ...heads],
      rows: [
        ["surely", ...quartiles(pages)],
        ["at most", ...quartiles(most)],
      ],
    }),
    makeTable({
      caption: "Machines by pages that surely leave",
      columns: [
        { title: "Pages", isNumber: true },
        { title: "Histogram" },
        { title: "Machines", isNumber: true },
        { title: "Share", isNumber: true },
      ],
      rows: bins.map(({ from, to, machines: some }) => [
        from === to ? count(from) : `${count(from)}-${count(to)}`,
        makeBar((100 * some) / highest),
        count(some),
        share(some, machines),
      ]),
    }),
    makeTable({
      caption: "Machines on which a component is present",
      columns: [
        { title: "Component" },
        ...["Present", "Unknown", "Absent", "Surely leaves"].map((title) => ({ title, isNumber: true })),
      ],
      rows: components.map(({ component, usedBy, unknown, leaves }) => [
        component,
        ...[usedBy, unknown, machines - usedBy - unknown, leaves].map(count),
      ]),
    }),
    makeGroups("Pages that surely leave, by form factor", "Form factor", byFormFactor),
    makeGroups("Pages that surely leave, by vendor", "Vendor", byVendor),
  ];
}
