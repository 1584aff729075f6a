// SPDX-License-Identifier: Apache-2.0
/** Boots as KTAP (Documentation/dev-tools/ktap.rst): one test per machine, one subtest per check. */
import { type Check, checkBoot, hasFailed, type Outcome, statusOf } from "./checks.js";

export const ktapHead = (machines: number) => `KTAP version 1\n1..${machines}\n`;

/** kunit_parser.py takes a line with one of these for the end of all tests, wherever it stands. */
const ends = /List of all partitions:|Kernel panic - not syncing: VFS:|reboot: System halted/g;
const quote = (text: string) => text.replace(ends, (end) => end.replaceAll(" ", "_"));

const result = (number: number, name: string, status: Check["status"], detail?: string) =>
  [
    `${status === "fail" ? "not ok" : "ok"} ${number} ${name}`,
    ...(status === "skip" ? [`# SKIP ${detail ?? ""}`] : detail === undefined ? [] : [`# ${detail}`]),
  ]
    .join(" ")
    .trimEnd();

/** The machine with this number, from 1. */
export function formatKtap(number: number, outcome: Outcome): string {
  const checks = checkBoot(outcome);
  const name = outcome.machine.replace(/[#\r\n]/g, "_");
  const console = hasFailed(checks) ? (outcome.failure?.console ?? "") : "";
  return [
    "  KTAP version 1",
    `  # Subtest: ${name}`,
    `  1..${checks.length}`,
    ...console.split("\n").flatMap((line) => (line === "" ? [] : [`  # ${quote(line)}`])),
    ...checks.map(({ name, status, detail }, index) => `  ${result(index + 1, name, status, quote(detail))}`),
    result(number, name, statusOf(checks)),
    "",
  ].join("\n");
}
