// SPDX-License-Identifier: Apache-2.0
/** The film of a terminal: what script(1) writes, what a terminal shows of it, and when. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawFilm } from "../../scripts/recording/film.js";
import { readRecording } from "../../scripts/recording/readRecording.js";
import { createTerminal } from "../../scripts/recording/terminal.js";
import { command, temporaryFolder } from "../support/compile.js";

/** The text of each row, without rows that are empty at the end. */
function show(...texts: readonly string[]): string[] {
  const terminal = createTerminal(10, 4);
  for (const text of texts) terminal.write(text);
  const rows = terminal
    .rows()
    .map((spans) => spans.reduce((line, { column, text }) => line.padEnd(column) + text, ""));
  while (rows.at(-1) === "") rows.pop();
  return rows;
}

test.each([
  ["lines", ["ab\r\ncd"], ["ab", "cd"]],
  ["a line written over", ["loading\rdone\u001b[K"], ["done"]],
  ["lines drawn again", ["one\r\ntwo\r\n\u001b[2A\u001b[Jthree\r\n"], ["three"]],
  ["columns", ["\u001b[3Gx\u001b[2Cy\u001b[2D\u001b[1Dz"], ["  xz y"]],
  ["what is too long for a line", ["0123456789ab"], ["0123456789", "ab"]],
  ["the last lines, once there are too many", ["1\r\n2\r\n3\r\n4\r\n5"], ["2", "3", "4", "5"]],
  ["a sequence that comes in pieces", ["a\u001b", "[", "31", "mb"], ["ab"]],
  [
    "nothing of sequences that mean nothing here",
    ["\u001b[?25l\u001b]0;title\u0007a\u001b(Bb\u001b[?2026hc"],
    ["abc"],
  ],
])("a terminal shows %s", (_, texts, rows) => {
  expect(show(...texts)).toEqual(rows);
});

test("it keeps colours apart", () => {
  const terminal = createTerminal(20, 2);
  terminal.write("a \u001b[1;32mb\u001b[22mc\u001b[39m \u001b[2md\u001b[0m");
  expect(terminal.rows()[0]).toEqual([
    { column: 0, text: "a", style: {} },
    { column: 2, text: "b", style: { bold: true, colour: 2 } },
    { column: 3, text: "c", style: { colour: 2 } },
    { column: 5, text: "d", style: { dim: true } },
  ]);
});

test("a recording that script(1) made of a real command is played as it came", () => {
  const folder = temporaryFolder();
  const files = ["--log-out", "output", "--log-timing", "timing"];
  const words = "printf 'wait & see'; sleep 0.5; printf '\\r\\033[Kdone\\n'; sleep 0.3";
  command(folder, "script", "--quiet", "--return", ...files, "--command", words);
  const read = readRecording(
    ...([
      readFileSync(join(folder, "output")),
      readFileSync(join(folder, "timing"), "utf8"),
      80,
      24,
    ] as const),
  );
  const film = drawFilm(read, { title: "a <run>", seconds: 60, rest: 1 });
  expect(film).toContain("a\u00a0&#60;run&#62;");
  const seen = /@keyframes k0\{.*?([\d.]+)%\{visibility:visible\}([\d.]+)%\{visibility:hidden\}\}/.exec(film);
  const length = Number(/animation:([\d.]+)s/.exec(film)?.[1]);
  expect(((Number(seen?.[2]) - Number(seen?.[1])) / 100) * length).toBeGreaterThan(0.4);
  expect(film).toMatch(/<g class="l" [^>]*k0"><text[^>]*>wait\u00a0&#38;\u00a0see<\/text><\/g>/);
  expect(film).toMatch(/<g class="l end" [^>]*k1"><text[^>]*>done<\/text><\/g>/);
  // Twice as fast, it says so.
  const faster = drawFilm(read, { title: "x", seconds: 0.2, rest: 1 });
  expect(faster).toMatch(/\d\u00a0times\u00a0as\u00a0fast/);
});
