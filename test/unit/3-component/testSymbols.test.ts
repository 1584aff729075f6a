// SPDX-License-Identifier: Apache-2.0
/** Each test of `inUse` is checked against its symbol: a test that the kernel could not make is an error. */
import { expect, test } from "vitest";
import type { Graph } from "../../../src/1-graph/graph.js";
import { classifyUnits } from "../../../src/2-catalogue/classify.js";
import { claimUnits } from "../../../src/3-component/claim.js";
import type { Component, InUse } from "../../../src/3-component/component.js";
import { resolveTests } from "../../../src/3-component/testSymbols.js";
import { graphOf } from "../../support/compile.js";
import { codesOf } from "../../support/diagnosed.js";

let compiled: Graph | undefined;
const kernel = () => {
  compiled ??= graphOf({
    "driver.c": `
    struct { void *next, *prev; } list; int word; void *pointer; char table[256]; unsigned char byte; long number;
    int driver(void) { return 1; }
    __attribute__((section(".init.text"))) int asked_at_boot(void) { return 1; }`,
    "odd.S": `.data\n.globl empty, per_cpu, left_out
    .type empty, @object\nempty: .quad 1
    .section .data..percpu, "aw"\n.type per_cpu, @object\nper_cpu: .quad 0\n.size per_cpu, 8
    .section .discard.left_out, "aw"\n.type left_out, @object\nleft_out: .quad 0\n.size left_out, 8`,
  });
  return compiled;
};

function codesWith(inUse: InUse, isShipped?: true) {
  const component: Component = {
    ...{
      name: "driver",
      title: "A driver",
      file: "components.yaml",
      line: 1,
      after: [],
      needs: [],
      resident: [],
    },
    code: [{ kind: "objects", patterns: ["driver.o"], line: 1 }],
    ...{ inUse, canAppear: "never", gates: [] },
    ...(isShipped === undefined ? {} : { isShipped }),
  };
  const graph = kernel();
  const claims = claimUnits(graph, classifyUnits(graph), [component], () => []);
  let untestable = 0;
  const codes = codesOf(() => {
    untestable = resolveTests(graph, claims).untestable.size;
  });
  return { codes, untestable };
}

const line = 3;
const ask = (op: "nonZero" | "pointerSet" | "listNotEmpty" | "calls", symbol: string): InUse => ({
  op,
  symbol,
  line,
});
const equals = (symbol: string, value: number | { symbol: string }): InUse => ({
  op: "equals",
  symbol,
  value,
  line,
});

test.each<[string, InUse]>([
  ["any bytes", ask("nonZero", "table")],
  ["a pointer", ask("pointerSet", "pointer")],
  ["a list", ask("listNotEmpty", "list")],
  ["a function", ask("calls", "driver")],
  ["a function of init code, which is there when it is asked", ask("calls", "asked_at_boot")],
  ["a byte", equals("byte", 255)],
  ["a negative number", equals("word", -1)],
  ["a function's address", equals("pointer", { symbol: "driver" })],
])("%s can be asked", (_, inUse) => {
  expect(codesWith(inUse)).toEqual({ codes: [], untestable: 0 });
});

test.each<[string, InUse]>([
  ["a size of 0, which would never be in use", ask("nonZero", "empty")],
  ["a per-CPU variable", ask("nonZero", "per_cpu")],
  ["what is discarded", ask("nonZero", "left_out")],
  ["a function as a variable", ask("nonZero", "driver")],
  ["a pointer of 4 bytes", ask("pointerSet", "word")],
  ["a pointer that is a function", ask("pointerSet", "driver")],
  ["a list head of 4 bytes", ask("listNotEmpty", "word")],
  ["a call of a variable", ask("calls", "word")],
  ["256 bytes that are equal", equals("table", 1)],
  ["a number that does not fit", equals("byte", 256)],
  ["a negative number that does not fit", equals("byte", -129)],
  ["an address in 4 bytes", equals("word", { symbol: "driver" })],
  ["a per-CPU variable's address", equals("pointer", { symbol: "per_cpu" })],
  ["one of these below others", { op: "not", line, of: { op: "any", line, of: [ask("calls", "word")] } }],
])("%s is refused, and keeps a component that ships", (_, inUse) => {
  expect(codesWith(inUse).codes).toEqual(["manifest-symbol"]);
  expect(codesWith(inUse, true)).toEqual({ codes: [], untestable: 1 });
});
