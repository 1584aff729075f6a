// SPDX-License-Identifier: Apache-2.0
/** Makes a film of a recording of script(1): main.js OUTPUT TIMING COLUMNS ROWS TITLE. */
import { readFileSync } from "node:fs";
import { drawFilm } from "./film.js";
import { readRecording } from "./readRecording.js";

const [output, timing, columns, rows, title] = process.argv.slice(2);
const recording = readRecording(
  readFileSync(output!),
  readFileSync(timing!, "utf8"),
  Number(columns),
  Number(rows),
);
process.stdout.write(drawFilm(recording, { title: title!, seconds: 16, rest: 6 }));
