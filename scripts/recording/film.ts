// SPDX-License-Identifier: Apache-2.0
/**
 * A recorded terminal as an SVG that plays: each line that a row ever showed is there once, and a style rule says from
 * when to when it can be seen. It obeys the reader's colour scheme, and stands still at its end for those who want no
 * motion.
 */
import { createTerminal, type Span } from "./terminal.js";

export interface Recording {
  /** Seconds since the one before, and what was printed then. */
  readonly events: readonly { readonly after: number; readonly text: string }[];
  readonly width: number;
  readonly height: number;
}

export interface FilmOptions {
  readonly title: string;
  /** Seconds that it may take: a longer recording is played faster. */
  readonly seconds: number;
  /** Seconds for which the end is shown. */
  readonly rest: number;
}

interface Shown {
  readonly row: number;
  readonly spans: readonly Span[];
  readonly from: number;
  to: number;
}

/** Seconds of the film between two pictures. */
const shortest = 0.1;

const cell = { width: 7.4, height: 17 };
const margin = { x: 14, top: 40, bottom: 12 };

export function drawFilm(recording: Recording, { title, seconds, rest }: FilmOptions): string {
  const total = recording.events.reduce((sum, { after }) => sum + after, 0);
  const speed = Math.max(1, total / seconds);
  const { shown, last, used } = watch(recording, speed);
  const length = last + rest;
  for (const one of shown) if (one.to === Number.POSITIVE_INFINITY) one.to = length;
  const width = Math.ceil(recording.width * cell.width + 2 * margin.x);
  const height = Math.ceil(used * cell.height + margin.top + margin.bottom);
  const said = speed < 1.5 ? title : `${title}   (${Math.round(speed)} times as fast as it was)`;
  const percent = (at: number) => `${Number(((100 * at) / length).toFixed(2))}%`;
  const rules = shown.map(({ from, to }, index) => {
    const steps = [
      ...(from > 0 ? ["0%{visibility:hidden}"] : []),
      `${percent(from)}{visibility:visible}`,
      ...(to < length ? [`${percent(to)}{visibility:hidden}`] : []),
    ];
    return `@keyframes k${index}{${steps.join("")}}`;
  });
  const lines = shown.map(({ row, spans, to }, index) => {
    const y = margin.top + (row + 0.75) * cell.height;
    const texts = spans.map((span) => drawSpan(span, y)).join("");
    return `<g class="l${to === length ? " end" : ""}" style="animation-name:k${index}">${texts}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}">
<!-- SPDX-License-Identifier: Apache-2.0 -->
<style>
${styles(length)}
${rules.join("\n")}
</style>
<rect class="back" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
<circle class="dot" cx="18" cy="17" r="5"/><circle class="dot" cx="35" cy="17" r="5"/><circle class="dot" cx="52" cy="17" r="5"/>
<text class="title" x="${width / 2}" y="21" text-anchor="middle">${escapeXml(said)}</text>
${lines.join("\n")}
</svg>
`;
}

/** From when to when each row showed what, in seconds of the film. */
function watch({ events, width, height }: Recording, speed: number) {
  const terminal = createTerminal(width, height);
  const shown: Shown[] = [];
  const open = new Map<number, Shown>();
  let now = 0;
  let taken = Number.NEGATIVE_INFINITY;
  let used = 1;
  const take = () => {
    taken = now;
    terminal.rows().forEach((spans, row) => {
      const before = open.get(row);
      if (JSON.stringify(before?.spans ?? []) === JSON.stringify(spans)) return;
      if (before !== undefined) before.to = now;
      open.delete(row);
      if (spans.length === 0) return;
      const one = { row, spans, from: now, to: Number.POSITIVE_INFINITY };
      open.set(row, one);
      shown.push(one);
      used = Math.max(used, row + 1);
    });
  };
  for (const { after, text } of events) {
    const next = now + after / speed;
    // The text that stood there until now is in the film if it stood long enough.
    if (next - taken >= shortest) take();
    now = next;
    terminal.write(text);
  }
  take();
  return { shown: shown.filter(({ from, to }) => to > from), last: now, used };
}

function drawSpan({ column, text, style }: Span, y: number): string {
  const classes = [
    ...(style.colour === undefined ? [] : [`c${style.colour}`]),
    ...(style.bold ? ["b"] : []),
    ...(style.dim ? ["d"] : []),
  ];
  const named = classes.length === 0 ? "" : ` class="${classes.join(" ")}"`;
  const x = Number((margin.x + column * cell.width).toFixed(1));
  // Whatever font there is: each text is as wide as its cells.
  const width = Number(([...text].length * cell.width).toFixed(1));
  return `<text${named} x="${x}" y="${Number(y.toFixed(1))}" textLength="${width}" lengthAdjust="spacingAndGlyphs">${escapeXml(text)}</text>`;
}

const escapeXml = (text: string) =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`).replaceAll(" ", "\u00a0");

/** By number: black, red, green, yellow, blue, magenta, cyan, white, then the bright ones, which are the same here. */
const light = ["#1f2328", "#b3261e", "#0f6b3a", "#7a5200", "#0a56b0", "#8a3ab9", "#0b6a78", "#59636e"];
const dark = ["#7d8590", "#ff8a80", "#5fd38d", "#e3b341", "#79b8ff", "#d2a8ff", "#67d4e8", "#d0d7de"];

function styles(length: number): string {
  const colours = (list: readonly string[]) =>
    list.map((colour, index) => `.c${index},.c${index + 8}{fill:${colour}}`).join("");
  return `.back{fill:#fbfcfd;stroke:#d0d7de}.dot{fill:#d0d7de}text{fill:#1f2328;white-space:pre;font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}.title{fill:#59636e}.b{font-weight:700}.d{opacity:.7}
${colours(light)}
@media (prefers-color-scheme:dark){.back{fill:#0f1419;stroke:#30363d}.dot{fill:#30363d}text{fill:#d0d7de}.title{fill:#8b949e}${colours(dark)}}
.l{visibility:hidden;animation:${length.toFixed(2)}s step-end infinite}
@media (prefers-reduced-motion:reduce){.l{animation:none}.end{visibility:visible}}`;
}
