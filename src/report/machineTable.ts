// SPDX-License-Identifier: Apache-2.0
/**
 * The demo's result on a terminal: machines against components. A cell says how many pages a component has there
 * and what became of them.
 */
import { getBorderCharacters, table } from "table";
import { type Colour, colourOf, stateColours, type TextOptions } from "./colour.js";
import type { DemoComponent, MachineResult } from "./demoJson.js";

/** Whether what is written to this stream should have colours. NO_COLOR: https://no-color.org */
export function isStyled(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

const words = { kept: "kept", jettisoned: "freed", refused: "refused", withheld: "withheld" } as const;

const kib = (bytes: number) => (bytes / 1024).toLocaleString("en-US");

export function formatMachineTable(machines: readonly MachineResult[], options: TextOptions): string {
  const { styled } = options;
  const colour = colourOf(options);
  const columns = [...new Set(machines.flatMap((machine) => machine.components.map((one) => one.component)))];
  // In a narrow column the longer words go below their number.
  const cell = (one: DemoComponent | undefined) => {
    if (one === undefined) return "-";
    const text = `${one.pages} ${words[one.state]}`;
    return colour(stateColours[one.state], text.length > 8 ? text.replace(" ", "\n") : text);
  };

  const names = columns.map((name) => (name.length > 8 ? name.replace("-", "-\n") : name));
  const head = ["machine", ...names, "pages\nfreed", "MemTotal\noff, kB", "MemTotal\non, kB", "self-\ntest"];
  const rows = machines.map((machine) => [
    machine.machine,
    ...columns.map((name) => cell(machine.components.find((one) => one.component === name))),
    colour("bold", `${machine.pagesFreed}`),
    machine.memTotalOff === undefined ? "-" : kib(machine.memTotalOff),
    kib(machine.memTotalOn),
    formatSelftest(machine, colour),
  ]);
  return table([head.map((text) => colour("bold", text)), ...rows], {
    border: getBorderCharacters(styled ? "norc" : "ramac"),
    drawHorizontalLine: (line, count) => line <= 1 || line === count,
    drawVerticalLine: (line, count) => line <= 1 || line >= count - 4,
    columnDefault: { alignment: "right" },
    columns: { 0: { alignment: "left" } },
  });
}

function formatSelftest({ selftest }: MachineResult, colour: Colour): string {
  if (selftest === undefined) return "-";
  return selftest.failures === 0 ? `${selftest.pages} ok` : colour("red", `${selftest.failures} bad`);
}
