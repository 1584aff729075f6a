// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a saved console: a serial log, `dmesg`, a log of LAVA or KernelCI. Such a log has prefixes, carriage
 * returns and colours, begins or ends anywhere, may hold several boots, and has other lines between and inside the kernel's.
 * A boot in it counts only if the components and pages that were read add up to the kernel's own totals.
 */

import { parse as parseYaml } from "yaml";
import { pageSize } from "../x86/x86.js";
import { type BootComponent, type ConsoleReading, cleanLine, readConsole, states } from "./console.js";

export interface SavedBoot {
  /** The name that firmware gives the machine, as the kernel prints it. */
  readonly dmi: string | undefined;
  /** Line of the log where it begins. */
  readonly line: number;
  readonly release: string | undefined;
  /** `off` from the command line, else the report of the guest's program, or undefined. */
  readonly mode: string | undefined;
  /** By name. */
  readonly components: readonly BootComponent[];
  readonly pages: number;
  readonly selftest: { readonly pages: number; readonly failures: number; readonly gates: number } | null;
  /** Lines of the guest's program, where the boot is one of ours. */
  readonly guest: ConsoleReading;
  /** Why the boot cannot be used, and the line of the log. */
  readonly problem: { readonly line: number; readonly what: string } | undefined;
  /** The first fault that the kernel reports, and the line of the log. */
  readonly trouble: { readonly line: number; readonly cause: string } | undefined;
  /** Its last lines. */
  readonly tail: readonly string[];
}

interface Line {
  readonly text: string;
  /** Line of the log, from 1. */
  readonly number: number;
}

const timestamp = String.raw`\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? `;
/** A message of ours, wherever on its line another one left off. */
const ours = new RegExp(`${timestamp}(jettison(?:-guest)?: .*)$`);
const kernelLine = new RegExp(`${timestamp}(.*)$`);

/** Prefixes of a line that has no timestamp of the kernel: those of a terminal server, dmesg -T, syslog, KernelCI. */
const prefixes = [
  /^<\d{1,3}>/,
  /^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?:? +/,
  /^\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]? +/,
  /^\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] /,
  /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ kernel: /,
  /^\S+ kernel: /,
  /^\(XEN\) /,
];

/** The message on a line, without what was put before it. */
function messageOf(line: string): string {
  const found = ours.exec(line) ?? kernelLine.exec(line);
  if (found !== null) return found[1]!;
  let text = line;
  for (let before = ""; before !== text; ) {
    before = text;
    for (const prefix of prefixes) text = text.replace(prefix, "");
  }
  return text;
}

/** A line of LAVA's output.yaml, which is one mapping: the device's output, or undefined for LAVA's own messages. */
function readLavaLine(line: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line.slice(2));
  } catch {
    try {
      value = parseYaml(line.slice(2), { logLevel: "error" });
    } catch {
      return line;
    }
  }
  const { lvl, msg } = value as { lvl?: unknown; msg?: unknown };
  return (lvl === "target" || lvl === "feedback") && typeof msg === "string" ? msg : undefined;
}

function readLines(text: string): Line[] {
  return text.split("\n").flatMap((raw, index) => {
    const said = /^- \{.*\}\r?$/.test(raw) ? readLavaLine(raw) : raw;
    return (said ?? "")
      .split(/[\r\n]/)
      .map((part) => ({ text: messageOf(cleanLine(part)), number: index + 1 }))
      .filter((line) => line.text !== "");
  });
}

const beginning = /^Linux version (\S+) /;
const whole = new RegExp(String.raw`^jettison: (\S+): (${states.join("|")}), (\d{1,7}) pages \((.*)\)$`);
const looksLikeOne = new RegExp(String.raw`^jettison: \S+: (?:${states.join("|")})\b`);
const decision = /^jettison: (\d{1,2}) of (\d{1,2}) components leave$/;
const total = /^jettison: (\d{1,9}) pages freed: /;
const selftestLine = /^jettison: self-test: (\d{1,9}) pages, (\d{1,9}) failures, (\d{1,9}) gates$/;

/** Boots of a kernel with Jettison, in the order of the log. Others (a host's kernel, a boot loader) are passed over. */
export function readSavedConsole(text: string): SavedBoot[] {
  const boots: Line[][] = [[]];
  for (const line of readLines(text)) {
    if (beginning.test(line.text)) boots.push([]);
    boots.at(-1)!.push(line);
  }
  return boots.filter((lines) => lines.some(isOfJettison)).map(readBoot);
}

/** As the kernel does: the last word counts, and words after `--` are for its first program. */
function isOff({ text }: Line): boolean {
  const given = /^Kernel command line: (.*)$/.exec(text)?.[1]?.replace(/(?:^| )-- .*$/, "");
  const words = given?.split(" ").filter((word) => word.startsWith("jettison="));
  return words?.at(-1) === "jettison=off";
}
const isOfJettison = (line: Line) => /^jettison(?:-guest)?: /.test(line.text) || isOff(line);

function readBoot(lines: readonly Line[]): SavedBoot {
  const first = (pattern: RegExp) => {
    for (const { text } of lines) {
      const found = pattern.exec(text);
      if (found !== null) return found;
    }
    return undefined;
  };
  const components = new Map<string, BootComponent>();
  for (const { text } of lines) {
    const [, component, state, pages, reason] = whole.exec(text) ?? [];
    if (component === undefined) continue;
    const bytes = Number(pages) * pageSize;
    components.set(component, { component, state: state as never, reason: reason!, bytes, gateCalls: 0 });
  }
  for (const { text } of lines) {
    const name = /^jettison: .* called \S+\(\), which is gone.* jettison\.keep=(\S+)$/.exec(text)?.[1];
    const one = components.get(name ?? "");
    if (one !== undefined) components.set(one.component, { ...one, gateCalls: one.gateCalls + 1 });
  }
  const guest = readConsole(lines.map((line) => line.text));
  const selftest = first(selftestLine)?.slice(1).map(Number);
  const off = lines.some(isOff);
  const problem = off ? undefined : findProblem(lines, components);
  return {
    dmi: first(/^DMI: (.*)$/)?.[1],
    line: lines[0]!.number,
    release: first(beginning)?.[1],
    mode: off ? "off" : guest.jettison?.mode,
    components: [...components.values()].sort((a, b) => (a.component < b.component ? -1 : 1)),
    pages: Number(first(total)?.[1] ?? 0),
    selftest:
      selftest === undefined ? null : { pages: selftest[0]!, failures: selftest[1]!, gates: selftest[2]! },
    guest,
    problem,
    trouble:
      guest.trouble === undefined
        ? undefined
        : { line: lines[Math.min(guest.trouble.line, lines.length - 1)]!.number, cause: guest.trouble.cause },
    tail: lines.slice(-12).map((line) => line.text),
  };
}

/** The kernel's own totals of components and pages: the lines that were read have to agree with them. */
function findProblem(
  lines: readonly Line[],
  components: ReadonlyMap<string, BootComponent>,
): SavedBoot["problem"] {
  const last = lines.at(-1)!.number;
  const find = (pattern: RegExp) => lines.find(({ text }) => pattern.test(text));
  const damaged = lines.find(({ text }) => looksLikeOne.test(text) && !whole.test(text));
  if (damaged !== undefined)
    return {
      line: damaged.number,
      what: `"${damaged.text.slice(0, 120)}" is cut off, or mixed with another line`,
    };
  const decided = find(decision);
  if (decided === undefined)
    return {
      line: last,
      what: 'the boot has no line "jettison: N of M components leave": it begins too late, ends too early, or was quiet',
    };
  const wanted = Number(decision.exec(decided.text)![2]);
  if (components.size !== wanted)
    return {
      line: find(total)?.number ?? last,
      what: `the kernel has ${wanted} components, but the log has lines of ${components.size}`,
    };
  const end = find(total);
  if (end === undefined)
    return { line: last, what: 'the log ends before the line "jettison: N pages freed"' };
  const pages = Number(total.exec(end.text)![1]);
  const sum = [...components.values()]
    .filter(({ state }) => state === "jettisoned")
    .reduce((bytes, one) => bytes + one.bytes / pageSize, 0);
  if (sum !== pages)
    return { line: end.number, what: `the kernel freed ${pages} pages, but its components add up to ${sum}` };
  return undefined;
}
