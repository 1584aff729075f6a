// SPDX-License-Identifier: Apache-2.0
import type { FunctionType, ReturnType } from "../btf/functionTypes.js";
import { type Diagnostic, diagnose } from "../diagnostics.js";
import { readAnswer, sourceName } from "./answer.js";
import type { GateAnswer, InUse } from "./component.js";

export interface AnsweredGate {
  readonly function: string;
  readonly object: string;
  /** As the manifest writes it. */
  readonly answer: string;
}

/** The return type of a function, in words. */
function describeType(type: ReturnType): string {
  if (type.kind === "other") return "a structure";
  if (type.kind === "integer")
    return `${type.isSigned ? "a signed" : "an unsigned"} ${type.bytes * 8}-bit number`;
  return { void: "nothing", bool: "a bool", pointer: "a pointer" }[type.kind];
}

/** The last page of addresses holds no objects but error codes (`MAX_ERRNO` in include/linux/err.h). */
const mostErrors = 4095;

/** Whether a function may return what its gate answers. */
function fits(type: ReturnType, answer: Exclude<GateAnswer, { kind: "function" }>): boolean {
  if (answer.kind === "void" || type.kind === "void") return answer.kind === type.kind;
  const { value } = answer;
  switch (type.kind) {
    case "other":
      return false;
    case "bool":
      return value === 0 || value === 1;
    case "pointer":
      return value <= 0 && value >= -mostErrors;
    case "integer": {
      // With 64 bits the caller gets the written value exactly: `DMA_MAPPING_ERROR` is -1.
      if (type.bytes === 8) return true;
      const values = 2 ** (type.bytes * 8);
      const least = type.isSigned ? -values / 2 : 0;
      return value >= least && value < least + values;
    }
  }
}

/** A function that an `inUse` test calls, and the place of the test in its manifest. */
export interface AskedFunction {
  readonly function: string;
  readonly file: string;
  readonly line: number;
}

/** The functions that tests call, in the order of the manifests. */
export function askedFunctions(
  inUse: InUse,
): readonly { readonly function: string; readonly line: number }[] {
  if ("symbol" in inUse) return inUse.op === "calls" ? [{ function: inUse.symbol, line: inUse.line }] : [];
  if (!("of" in inUse)) return [];
  return Array.isArray(inUse.of) ? inUse.of.flatMap(askedFunctions) : askedFunctions(inUse.of as InUse);
}

/** The kernel calls each as `bool f(void)`, and reads one byte of what it returns: of an `int` 256 that would be false. */
export function checkAsked(
  asked: readonly AskedFunction[],
  types: ReadonlyMap<string, readonly FunctionType[]>,
): Diagnostic[] {
  return asked.flatMap(({ function: symbol, file, line }) => {
    const known = types.get(sourceName(symbol)) ?? [];
    if (known.length === 0) return [];
    if (known.some(({ returns, parameters }) => returns.kind === "bool" && parameters === 0)) return [];
    const { returns, parameters } = known[0]!;
    const takes = parameters === 0 ? "" : ` and takes ${parameters} parameters`;
    const what = `returns ${describeType(returns)}${takes}, and is called as bool ${symbol}(void)`;
    return [diagnose("manifest-symbol", { file, line, symbol, what, near: [] })];
  });
}

/** Every gate whose answer its function could not have returned, as far as types are known. */
export function checkAnswers(
  gates: readonly AnsweredGate[],
  types: ReadonlyMap<string, readonly FunctionType[]>,
): Diagnostic[] {
  return gates.flatMap(({ function: name, object, answer: text }) => {
    // Static functions of several files may share the name: one of them is it.
    const known = types.get(sourceName(name)) ?? [];
    if (known.length === 0) return [];
    const answer = readAnswer(text);
    if (answer.kind === "function") {
      const others = types.get(answer.function) ?? [];
      const isSame = known.some((one) => others.some((other) => other.signature === one.signature));
      return others.length === 0 || isSame
        ? []
        : [diagnose("gate-function-wrong", { name, object, other: answer.function })];
    }
    if (known.some(({ returns }) => fits(returns, answer))) return [];
    const returns = describeType(known[0]!.returns);
    return [diagnose("gate-answer-wrong", { name, object, answer: text, returns })];
  });
}
