// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import {
  answerFor,
  parseAnswer,
  parseGate,
  readAnswer,
  sourceName,
} from "../../../src/3-component/answer.js";
import type { Component } from "../../../src/3-component/component.js";
import { errnoByName } from "../../../src/3-component/errno.js";
import { isLiteral, nameMatcher, pathMatcher } from "../../../src/3-component/pattern.js";

function withGates(gates: Readonly<Record<string, unknown>>): Component {
  return {
    name: "a",
    title: "A",
    file: "a.yaml",
    line: 1,
    after: [],
    needs: [],
    resident: [],
    code: [],
    inUse: { op: "never", line: 1 },
    canAppear: "never",
    gates: Object.entries(gates).map(([pattern, value], index) => {
      return {
        pattern,
        literal: isLiteral(pattern),
        answer: parseAnswer(value)!,
        file: "a.yaml",
        line: index + 1,
      };
    }),
  };
}

test.each([
  ["the name itself before any pattern", { "f*": 1, "*": 2, foo: 3 }, "foo", 3],
  ["the first of the patterns", { "g*": 0, "f*": 1, "*": 2 }, "foo", 1],
  ["a clone as its function", { "*": 1, foo: 3 }, "foo.constprop.0", 3],
  ["a clone's own name before its function's", { foo: 3, "foo.isra.0": 4 }, "foo.isra.0", 4],
  ["a pattern for a clone", { "fo?": 1 }, "foo.part.0.isra.1", 1],
  ["nothing", { "foo*": 1, "?oo": 2 }, "bar", undefined],
])("a gate's answer: %s", (_, gates, name, line) => {
  const gate = answerFor(withGates(gates), name);
  expect(gate && line === undefined ? gate : gate?.answer).toEqual(
    line === undefined ? undefined : { kind: "value", value: line, text: String(line) },
  );
});

test("every form of an answer", () => {
  expect(parseAnswer("void")).toEqual({ kind: "void", text: "void" });
  expect(parseAnswer("-EPROBE_DEFER")).toEqual({ kind: "value", value: -517, text: "-EPROBE_DEFER" });
  expect(parseAnswer(null)).toEqual({ kind: "value", value: 0, text: "null" });
  expect(parseAnswer(true)).toEqual({ kind: "value", value: 1, text: "true" });
  expect(parseAnswer(-1)).toEqual({ kind: "value", value: -1, text: "-1" });
  for (const none of ["ENODEV", "-enodev", "-5", "", "nothing", 2 ** 60, 0.5, {}, [], undefined])
    expect(parseAnswer(none)).toBeUndefined();
});

test("every form of a gate", () => {
  expect(parseGate(null)).toEqual([{ answer: parseAnswer(null) }]);
  expect(parseGate({ expected: "void" })).toEqual([{ answer: parseAnswer("void"), isExpected: true }]);
  const answer = { kind: "function", function: "find", text: "find()" };
  expect(parseGate({ function: "find" })).toEqual([{ answer, isExpected: true }]);
  expect(readAnswer("find()")).toEqual(answer);
  for (const none of [{}, { function: 1 }, { function: "find()" }, { function: "" }, { function: "f*" }])
    expect(parseGate(none)).toBeUndefined();
  for (const none of [
    { expected: "find" },
    { expected: { function: "find" } },
    { function: "f", expected: 0 },
  ])
    expect(parseGate(none)).toBeUndefined();
});

test("answers of some versions of Linux", () => {
  const [none, nothing] = [parseAnswer(0), parseAnswer("void")];
  const old = { answer: 0, until: "6.5" };
  expect(parseGate([old, { expected: "void", since: "6.6", until: "6.10" }])).toEqual([
    { answer: none, versions: { until: "6.5" } },
    { answer: nothing, isExpected: true, versions: { since: "6.6", until: "6.10" } },
  ]);
  expect(parseGate(old)).toEqual([{ answer: none, versions: { until: "6.5" } }]);
  for (const wrong of [
    { answer: 0 },
    { answer: 0, since: 6.6 },
    { answer: 0, since: "6" },
    { answer: 0, since: "6.10", until: "6.9" },
    { since: "6.6" },
    [],
    [old, { answer: "void" }],
    [old, "void"],
    [old, { answer: "void", since: "6.5" }],
    [
      { answer: 0, until: "6.10" },
      { answer: "void", since: "6.9" },
    ],
  ])
    expect(parseGate(wrong), JSON.stringify(wrong)).toBeUndefined();
});

test("error numbers are those of the system's headers", () => {
  const macros = execFileSync("gcc", ["-E", "-dM", "-include", "errno.h", "-x", "c", "/dev/null"], {
    encoding: "utf8",
  });
  const numbers = new Map<string, number>();
  for (const [, name, number] of macros.matchAll(/^#define (E\w+) (\d+)$/gm))
    numbers.set(name!, Number(number));
  for (const [name, number] of errnoByName)
    if (number < 512) expect([name, numbers.get(name)]).toEqual([name, number]);
});

test("names of clones", () => {
  expect(sourceName("f.constprop.0.isra.0")).toBe("f");
  expect(sourceName("f.cold")).toBe("f");
  expect(sourceName("f.particular")).toBe("f.particular");
});

test("patterns of names know * and ? alone, patterns of paths know folders", () => {
  expect(nameMatcher("a.*[1]")("a.b/c[1]")).toBe(true);
  expect(nameMatcher("a.?")("axb")).toBe(false);
  expect(nameMatcher("a+")("aa")).toBe(false);
  expect(pathMatcher("drivers/*.o")("drivers/a/b.o")).toBe(false);
  expect(pathMatcher("drivers/**")("drivers/a/b.o")).toBe(true);
  expect(pathMatcher("drivers/**/b.o")("drivers/b.o")).toBe(true);
});
