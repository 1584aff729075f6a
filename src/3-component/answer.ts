// SPDX-License-Identifier: Apache-2.0
import type { Component, Gate, GateAnswer } from "./component.js";
import { errnoByName } from "./errno.js";
import { nameMatcher } from "./pattern.js";
import { areInOrder, overlaps, toVersions, type Versions, versionShape } from "./versions.js";

/** The answer that a manifest's value stands for, or undefined where it stands for none. */
export function parseAnswer(value: unknown): GateAnswer | undefined {
  if (value === null) return { kind: "value", value: 0, text: "null" };
  if (typeof value === "boolean") return { kind: "value", value: value ? 1 : 0, text: String(value) };
  if (typeof value === "number")
    return Number.isSafeInteger(value) ? { kind: "value", value, text: String(value) } : undefined;
  if (value === "void") return { kind: "void", text: "void" };
  if (typeof value !== "string" || !value.startsWith("-")) return undefined;
  const number = errnoByName.get(value.slice(1));
  return number === undefined ? undefined : { kind: "value", value: -number, text: value };
}

const functionAnswer = (name: string): GateAnswer => ({
  kind: "function",
  function: name,
  text: `${name}()`,
});

export interface GivenAnswer {
  readonly answer: GateAnswer;
  readonly isExpected?: true;
  readonly versions?: Versions;
}

/**
 * A gate's value in a manifest: an answer; `{ expected: <answer> }`, which calls on any machine may get; or
 * `{ function: <name> }`, which answers in the place of the one that left, and is expected to. Where versions of Linux
 * differ, a list of these with `since` and `until`, and with `answer` for a plain one: one at most for each version.
 */
export function parseGate(value: unknown): readonly GivenAnswer[] | undefined {
  if (!Array.isArray(value)) {
    const given = parseGiven(value);
    return given && [given];
  }
  const given = value.map(parseGiven);
  if (given.length === 0 || given.includes(undefined)) return undefined;
  const answers = given as readonly GivenAnswer[];
  const isClear = answers.every(
    ({ versions }, index) =>
      versions !== undefined &&
      answers.slice(index + 1).every((other) => !overlaps(versions, other.versions ?? {})),
  );
  return isClear ? answers : undefined;
}

function parseGiven(value: unknown): GivenAnswer | undefined {
  if (typeof value !== "object" || value === null) {
    const answer = parseAnswer(value);
    return answer && { answer };
  }
  const { since, until, ...rest } = value as Record<string, unknown>;
  const [[key, given] = [], ...others] = Object.entries(rest);
  if (!isVersion(since) || !isVersion(until) || !areInOrder({ since, until }) || others.length > 0)
    return undefined;
  const form = {
    ...(key === "answer" ? {} : { isExpected: true as const }),
    ...toVersions({ since, until }),
  };
  if (key === "answer" && form.versions === undefined) return undefined;
  if (key === "function" && typeof given === "string" && /^[A-Za-z_]\w*$/.test(given))
    return { answer: functionAnswer(given), ...form };
  const answer = key === "expected" || key === "answer" ? parseAnswer(given) : undefined;
  return answer && { answer, ...form };
}

/** A version, or nothing where a manifest names none. */
const isVersion = (one: unknown): one is string | undefined =>
  one === undefined || (typeof one === "string" && versionShape.test(one));

/** The answer that a plan shows as `text`. */
export function readAnswer(text: string): GateAnswer {
  if (text.endsWith("()")) return functionAnswer(text.slice(0, -2));
  const value = /^(null|true|false|-?\d+)$/.test(text) ? (JSON.parse(text) as unknown) : text;
  const answer = parseAnswer(value);
  if (answer === undefined) throw new RangeError(`no gate answers ${text}`);
  return answer;
}

/**
 * A function's name as the source has it. A clone that the compiler made of it (`foo.constprop.0`) answers as it
 * does: it returns the same thing, or nothing that anyone looks at.
 */
export function sourceName(name: string): string {
  return name.replace(/(\.(constprop|isra|part|cold)(\.\d+)?)+$/, "");
}

/**
 * The gate that answers for a function: the one of its very name, then of its name in the source, then the first
 * pattern that matches either.
 */
export function answerFor(component: Component, name: string): Gate | undefined {
  const names = [name, sourceName(name)];
  for (const one of names) {
    const exact = component.gates.find((gate) => gate.literal && gate.pattern === one);
    if (exact !== undefined) return exact;
  }
  return component.gates.find((gate) => !gate.literal && names.some(nameMatcher(gate.pattern)));
}
