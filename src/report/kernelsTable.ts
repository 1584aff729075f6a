// SPDX-License-Identifier: Apache-2.0
/** README's table of the kernels that people run, from the parts of docs/kernels.md that `scripts/kernels --write` has measured. */
import { markdownTable } from "./markdown.js";

export const readmeCommand = "scripts/kernels --readme";

/** The columns of a kernel's table of machines that are shown. */
const shown = ["machine", "pages freed", "MemTotal off, kB", "on, kB"];

const cellsOf = (line: string) =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
const toNumber = (cell: string) => Number(cell.replaceAll(",", ""));

export function kernelsTable(page: string): string {
  const rows = [
    ...page.matchAll(/^<!-- written by: scripts\/kernels --write (\S+) -->\n(.*?)^<!-- end -->/gms),
  ].flatMap(([, name, part]) => {
    const lines = part!.split("\n");
    const head = lines.findIndex((line) => line.startsWith(`| ${shown[0]} |`));
    const [day] = part!.split(":");
    const places = shown.map((column) => cellsOf(lines[head] ?? "").indexOf(column));
    if (places.includes(-1)) throw new Error(`the part of ${name} has no table of ${shown.join(", ")}`);
    return lines
      .slice(head + 2)
      .filter((line) => line.startsWith("|"))
      .map(cellsOf)
      .map((cells) => places.map((place) => cells[place]!))
      .filter(([, pages]) => pages !== "") // a boot that failed
      .map(([machine, pages, off, on]) => {
        const more = (toNumber(on!) - toNumber(off!)).toLocaleString("en-US");
        return [name!, machine!, pages!, off!, on!, more, day!];
      });
  });
  return markdownTable(
    ["kernel", "machine", "pages freed", "MemTotal off, kB", "on, kB", "more, kB", "measured"],
    rows,
  );
}
