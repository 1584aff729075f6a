// SPDX-License-Identifier: Apache-2.0
/**
 * As much of a terminal as our own output needs: text, line ends, colours, moving the cursor, erasing. A sequence that
 * it does not know is left out, never printed. ECMA-48 names them; the numbers of the colours are xterm's.
 */
export interface Style {
  /** 0 to 15; undefined: the terminal's own. */
  readonly colour?: number;
  readonly bold?: boolean;
  readonly dim?: boolean;
}

interface Cell {
  readonly text: string;
  readonly style: Style;
}

export interface Span {
  readonly column: number;
  readonly text: string;
  readonly style: Style;
}

export interface Terminal {
  write(text: string): void;
  /** The text of each row, without blanks at its ends. */
  rows(): readonly (readonly Span[])[];
}

const plain: Style = {};
const start = "\u001b";
const bell = "\u0007";
/** The bytes behind the escape: a control sequence with its parameters and its order, or one of the short ones. */
const sequence = /^(?:\[([?>=]?[\d;]*)([@-~])|[()][A-Z0-9]|[=>78cDEM])/;
const unfinished = /^(?:\[[?>=]?[\d;]*|[()])?$/;

export function createTerminal(width: number, height: number): Terminal {
  const screen: (Cell | undefined)[][] = Array.from({ length: height }, () => []);
  let row = 0;
  let column = 0;
  let style = plain;
  let waiting = "";

  const feed = () => {
    if (row < height - 1) row++;
    else {
      screen.shift();
      screen.push([]);
    }
  };
  const put = (text: string) => {
    if (column >= width) {
      column = 0;
      feed();
    }
    screen[row]![column++] = { text, style };
  };

  function obey(parameters: string, order: string): void {
    const numbers = parameters.split(";").map(Number);
    const first = numbers[0] || 1;
    const line = screen[row]!;
    if (order === "m") style = restyle(style, numbers);
    else if (order === "A") row = Math.max(0, row - first);
    else if (order === "B") row = Math.min(height - 1, row + first);
    else if (order === "C") column = Math.min(width - 1, column + first);
    else if (order === "D") column = Math.max(0, column - first);
    else if (order === "E") [row, column] = [Math.min(height - 1, row + first), 0];
    else if (order === "F") [row, column] = [Math.max(0, row - first), 0];
    else if (order === "G") column = Math.min(width, first) - 1;
    else if (order === "H") {
      row = Math.min(height, first) - 1;
      column = Math.min(width, numbers[1] || 1) - 1;
    } else if (order === "K") erase(line, numbers[0]!, column);
    else if (order === "J") {
      erase(line, numbers[0]!, column);
      screen.forEach((one, index) => {
        if (numbers[0] === 2 || (numbers[0] === 0 && index > row) || (numbers[0] === 1 && index < row))
          one.length = 0;
      });
    }
  }

  return {
    write(text) {
      let rest = waiting + text;
      waiting = "";
      while (rest !== "") {
        if (rest[0] === start) {
          const body = rest.slice(1);
          const end = body[0] === "]" ? body.indexOf(bell) + 1 : undefined;
          if (end === 0 || unfinished.test(body)) {
            waiting = rest;
            return;
          }
          const found = sequence.exec(body);
          if (found?.[2] !== undefined) obey(found[1]!, found[2]);
          rest = body.slice(end ?? found?.[0].length ?? 0);
          continue;
        }
        const character = String.fromCodePoint(rest.codePointAt(0)!);
        rest = rest.slice(character.length);
        if (character === "\n") feed();
        else if (character === "\r") column = 0;
        else if (character === "\b") column = Math.max(0, column - 1);
        else if (character === "\t") column = Math.min(width - 1, 8 * (Math.floor(column / 8) + 1));
        else if (character >= " ") put(character);
      }
    },
    rows: () => screen.map(spansOf),
  };
}

/** 0: from the cursor on, 1: up to it, 2: all. */
function erase(line: (Cell | undefined)[], what: number, column: number): void {
  if (what === 0) line.length = Math.min(line.length, column);
  else line.fill(undefined, 0, what === 1 ? column + 1 : line.length);
}

function restyle(before: Style, numbers: readonly number[]): Style {
  let style: { colour?: number; bold?: boolean; dim?: boolean } = { ...before };
  for (const number of numbers)
    if (number === 0) style = {};
    else if (number === 1) style.bold = true;
    else if (number === 2) style.dim = true;
    else if (number === 22) {
      delete style.bold;
      delete style.dim;
    } else if (number >= 30 && number <= 37) style.colour = number - 30;
    else if (number >= 90 && number <= 97) style.colour = number - 90 + 8;
    else if (number === 39) delete style.colour;
  return style;
}

const isAlike = (a: Style, b: Style) => a.colour === b.colour && a.bold === b.bold && a.dim === b.dim;

function spansOf(line: readonly (Cell | undefined)[]): Span[] {
  const spans: { column: number; text: string; style: Style }[] = [];
  // A sparse line has no entries to walk over.
  for (let column = 0; column < line.length; column++) {
    const cell = line[column] ?? { text: " ", style: plain };
    const last = spans.at(-1);
    if (last !== undefined && isAlike(last.style, cell.style)) last.text += cell.text;
    else spans.push({ column, ...cell });
  }
  return spans
    .map(({ column, text, style }) => {
      const blanks = text.length - text.trimStart().length;
      return { column: column + blanks, text: text.trim(), style };
    })
    .filter(({ text }) => text !== "");
}
