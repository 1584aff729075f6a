// SPDX-License-Identifier: Apache-2.0
/**
 * The demo's result on a terminal: one line per component, one column per machine. A cell shows the number of pages that the component
 * has there, and their fate.
 */
import { getBorderCharacters, table } from "table";
import type { DemoComponent, MachineResult } from "../boots/demoJson.js";
import { formatKib, formatNumber } from "../formatNumber.js";
import { type Colour, colourOf, stateColours, type TextOptions } from "./colour.js";

/** Whether what is written to this stream should have colours. NO_COLOR: https://no-color.org */
export function isStyled(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

const words = { kept: "kept", jettisoned: "freed", refused: "refused", withheld: "withheld" } as const;

export function formatMachineTable(machines: readonly MachineResult[], options: TextOptions): string {
  const { styled } = options;
  const colour = colourOf(options);
  const names = [
    ...new Set(machines.flatMap(({ components }) => components.map(({ component }) => component))),
  ];
  const cell = (one: DemoComponent | undefined) =>
    one === undefined ? "-" : colour(stateColours[one.state], `${one.pages} ${words[one.state]}`);
  const rowOf = (name: string) => [
    name,
    ...machines.map(({ components }) => cell(components.find(({ component }) => component === name))),
  ];
  const totals = [
    ["pages freed", ...machines.map(({ pagesFreed }) => colour("bold", `${pagesFreed}`))],
    [
      "MemTotal off, kB",
      ...machines.map(({ memTotalOff }) => (memTotalOff === undefined ? "-" : formatKib(memTotalOff))),
    ],
    [
      "MemTotal on, kB",
      ...machines.map(({ memTotalOn }) => (memTotalOn === undefined ? "-" : formatKib(memTotalOn))),
    ],
    ["self-test", ...machines.map((machine) => formatSelftest(machine, colour))],
  ];
  const head = ["component", ...machines.map(({ machine }) => machine)].map((text) => colour("bold", text));
  return table([head, ...names.map(rowOf), ...totals], {
    border: getBorderCharacters(styled ? "norc" : "ramac"),
    drawHorizontalLine: (line, count) => line <= 1 || line === count || line === count - totals.length,
    drawVerticalLine: (line, count) => line <= 1 || line === count,
    columnDefault: { alignment: "right" },
    columns: { 0: { alignment: "left" } },
  });
}

/** The effect of freeing pages in the middle of large mappings, one line per machine; "" if no kernel reported it. */
export function formatMappings(machines: readonly MachineResult[]): string {
  const change = (before: number, after: number) =>
    `${formatNumber(before)} to ${formatNumber(after)} (${after < before ? "" : "+"}${formatNumber(after - before)})`;
  const lines = machines.flatMap(({ machine, mappings }) =>
    mappings === undefined
      ? []
      : [
          `  ${machine}: ${change(mappings.before.small, mappings.after.small)}, of 2 MB ${change(mappings.before.large, mappings.after.large)}\n`,
        ],
  );
  return lines.length === 0
    ? ""
    : `4 kB mappings of the kernel's image, before and after freeing:\n${lines.join("")}`;
}

/** Page tables that splitting mappings took, next to the memory freed, one line per machine; "" if no guest reported it. */
export function formatMemory(machines: readonly MachineResult[]): string {
  const both = (off: number, on: number) => `${formatKib(off)} / ${formatKib(on)}`;
  const lines = machines.flatMap(({ machine, memoryOff: off, memoryOn: on }) =>
    off === undefined || on === undefined
      ? []
      : [
          `  ${machine}: MemFree ${both(off.free, on.free)}, PageTables ${both(off.pageTables, on.pageTables)}, ` +
            `DirectMap4k ${both(off.directMap4k, on.directMap4k)}, DirectMap2M ${both(off.directMap2M, on.directMap2M)}\n`,
        ],
  );
  return lines.length === 0
    ? ""
    : `Memory off / on, kB; MemFree differs from boot to boot:\n${lines.join("")}`;
}

function formatSelftest({ selftest }: MachineResult, colour: Colour): string {
  if (selftest === undefined) return "-";
  return selftest.failures === 0 ? `${selftest.pages} ok` : colour("red", `${selftest.failures} bad`);
}
