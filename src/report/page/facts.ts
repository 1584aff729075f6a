// SPDX-License-Identifier: Apache-2.0
/** The tables of the report, for keyboards, screen readers, and everybody who wants the figures. */

import type { ReportMachine } from "../../boots/demoJson.js";
import { describeFate } from "../../exports/fate.js";
import type { Imports } from "../../exports/modules.js";
import type { Fate } from "../../model/fates.js";
import type { Ledger, Tile } from "../../model/ledger.js";
import type { ReportPlan } from "../../model/packReport.js";
import { sumValues } from "../../sum.js";
import { type Child, h } from "./dom.js";
import { count, kilobytes, share, size } from "./format.js";
import { makeTable } from "./table.js";

const stateFates: Record<string, Fate> = {
  jettisoned: "freed",
  kept: "kept",
  refused: "refused",
  withheld: "held",
};
const stateWords: Record<string, string> = {
  jettisoned: "freed",
  kept: "kept",
  refused: "refused",
  withheld: "withheld",
};

export function makeMachineTable(
  plan: ReportPlan,
  machines: readonly ReportMachine[],
  chosen: string | undefined,
  choose: (machine: string) => void,
): HTMLElement {
  const known = plan.components.filter(({ state }) => state !== "not-built").map(({ name }) => name);
  const names = [
    ...new Set([...known, ...machines.flatMap(({ components }) => components.map((one) => one.component))]),
  ];
  const cell = (machine: ReportMachine, name: string): Child => {
    const found = machine.components.find(({ component }) => component === name);
    if (found === undefined) return "-";
    const { state, pages, reason } = found;
    return h(
      "span",
      { class: "cell", title: reason },
      h("span", { class: `key ${stateFates[state]}`, "aria-hidden": "true" }),
      `${count(pages)} ${stateWords[state]}`,
      h("small", {}, reason),
    );
  };
  const pick = (machine: ReportMachine) => {
    const button = h("button", { type: "button", class: "link" }, machine.title);
    button.addEventListener("click", () => choose(machine.machine));
    return button;
  };
  const gain = ({ memTotalOff, memTotalOn }: ReportMachine): Child => {
    if (memTotalOn === undefined) return "-";
    return memTotalOff === undefined
      ? kilobytes(memTotalOn)
      : h(
          "span",
          { class: "cell" },
          `+${kilobytes(memTotalOn - memTotalOff)}`,
          h("small", {}, `to ${kilobytes(memTotalOn)}`),
        );
  };
  return makeTable({
    caption: "Pages of each component, and their fate on each machine",
    columns: [
      { title: "Component" },
      ...machines.map((machine) => ({ title: pick(machine), isChosen: machine.machine === chosen })),
    ],
    rows: [
      ...names.map((name) => [name, ...machines.map((machine) => cell(machine, name))]),
      ["Pages freed", ...machines.map(({ pagesFreed }) => h("strong", {}, count(pagesFreed)))],
      ["MemTotal", ...machines.map(gain)],
      ["Self-test", ...machines.map(describeSelftest)],
    ],
    most: names.length + 3,
  });
}

function describeSelftest({ selftest }: ReportMachine): string {
  if (selftest === undefined) return "-";
  return selftest.failures === 0 ? `${count(selftest.pages)} ok` : `${count(selftest.failures)} bad`;
}

export function makeComponentTable({ components, pins, refusals, regions }: ReportPlan): HTMLElement {
  return makeTable({
    caption: "Components: bytes that they own, alone or with others, and bytes that can leave",
    columns: [
      { title: "Component" },
      { title: "State" },
      ...["Text", "Rodata", "Data", "Bss", "Padding", "Can leave", "Stays", "Gates", "Pins"].map((title) => ({
        title,
        isNumber: true,
      })),
      { title: "Can appear later" },
      { title: "Regions" },
    ],
    rows: components.map(({ name, title, state, owned, leaving, gates, canAppear }) => [
      h("span", {}, title, " ", h("small", {}, name)),
      state === "not-built"
        ? "not built in"
        : (refusals.find(({ component }) => component === name)?.text ?? state),
      ...[owned.text, owned.rodata, owned.data, owned.bss, owned.padding].map((bytes) => count(bytes ?? 0)),
      count(sumValues(leaving)),
      count(sumValues(owned) - sumValues(leaving)),
      count(gates),
      count(pins.filter(({ owners }) => owners.includes(name)).length),
      canAppear,
      regions
        .filter(({ owners }) => owners.includes(name))
        .map((region) => region.name)
        .join(", "),
    ]),
  });
}

export function makeGateTable(
  { gates }: ReportPlan,
  link: (object: string, name: string) => Child,
): HTMLElement {
  return makeTable({
    caption: "Gates: functions that staying code may still call, and the answers once they are gone",
    columns: [
      { title: "Function" },
      { title: "Answers" },
      { title: "References", isNumber: true },
      { title: "Exported" },
      { title: "First of them" },
    ],
    rows: gates.map((gate) => [
      link(gate.object, gate.function),
      h("code", {}, gate.answer),
      count(gate.crossings.length),
      gate.isExported ? "yes" : "no",
      gate.crossings[0]?.from ?? "",
    ]),
  });
}

export function makeExportTable(
  { exports }: ReportPlan,
  imports: Imports | undefined,
  link: (unit: string) => Child,
): HTMLElement {
  // A map: a plain object has a `constructor`, whoever imports it.
  const importersBySymbol = new Map(Object.entries(imports?.importers ?? {}));
  const importersOf = (symbol: string) => importersBySymbol.get(symbol) ?? [];
  return makeTable({
    caption: `Exports of components: ${imports === undefined ? "no modules were built beside this kernel" : `importers among the ${count(imports.modules)} modules built beside this kernel`}`,
    columns: [
      { title: "Symbol" },
      { title: "Component" },
      { title: "Imported by" },
      { title: "When it leaves" },
      { title: "Lies in" },
    ],
    rows: exports.map(({ symbol, unit, components, fate }) => [
      h("code", {}, symbol),
      components.join(" and "),
      importersOf(symbol).join(", ") || "-",
      describeFate(fate),
      link(unit),
    ]),
  });
}

export function makePinTable({ pins }: ReportPlan): HTMLElement {
  return makeTable({
    caption: "Pins: data of components that stays, because staying code may reach it",
    columns: [
      { title: "Data" },
      { title: "Of" },
      { title: "Bytes", isNumber: true },
      { title: "Reached by" },
    ],
    rows: pins.map(({ unit, owners, bytes, because }) => [
      unit,
      owners.join(" and "),
      count(bytes),
      because.by === undefined ? because.from : `${because.from}, ${because.by}`,
    ]),
  });
}

export function makeRefusalList({ refusals, tooSmall }: ReportPlan): Child[] {
  return [
    ...refusals.map(({ component, text, chain }) =>
      h(
        "div",
        {},
        h("h3", {}, component),
        h("p", {}, text),
        h(
          "ol",
          { class: "chain" },
          ...chain.map(({ from, offset, kind }) =>
            h("li", {}, `${from}+0x${offset.toString(16)} `, h("small", {}, kind)),
          ),
        ),
      ),
    ),
    tooSmall.length === 0
      ? undefined
      : makeTable({
          caption: "Too little for a page of its own, so it stays",
          columns: [{ title: "Of" }, { title: "Kind" }, { title: "Bytes", isNumber: true }],
          rows: tooSmall.map(({ owners, kind, bytes }) => [owners.join(" and "), kind, count(bytes)]),
        }),
  ];
}

/** Shows that the figures add up, and which bytes are not among them. */
export function makeSums({ root, hidden }: Ledger): Child[] {
  return [
    makeTable({
      caption: "Parts of the image, and their sum",
      columns: [{ title: "Part" }, { title: "Bytes", isNumber: true }, { title: "Share", isNumber: true }],
      rows: root.children.map(({ name, bytes }: Tile) => [name, count(bytes), share(bytes, root.bytes)]),
      foot: ["Image, from its first byte to its last", count(root.bytes), "100%"],
    }),
    hidden.length === 0
      ? undefined
      : h(
          "ul",
          {},
          ...hidden.map(({ why, bytes, units }) =>
            h("li", {}, `Not shown as units: ${count(units)} sections of ${size(bytes)}, ${why}.`),
          ),
        ),
  ];
}

export function makeSectionTable(plan: ReportPlan): HTMLElement | undefined {
  const { image } = plan;
  if (image === undefined) return undefined;
  return makeTable({
    caption: `Sections of the linked kernel, from ${image.address}`,
    columns: [
      { title: "Section" },
      { title: "Memory" },
      { title: "Offset", isNumber: true },
      { title: "Bytes", isNumber: true },
    ],
    rows: image.sections.map(({ name, memory, offset, bytes }) => [
      h("code", {}, name),
      memory === "init" ? "freed after boot" : memory,
      `0x${offset.toString(16)}`,
      count(bytes),
    ]),
    most: 50,
  });
}
