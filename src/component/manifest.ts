// SPDX-License-Identifier: Apache-2.0
/**
 * Reads manifests (docs/manifests.md). YAML gives the places, the schema the form; whatever is wrong in any of
 * the files is reported together, each with its file, line and column.
 */
import { readFileSync } from "node:fs";
import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument, visit } from "yaml";
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";
import { parseAnswer } from "./answer.js";
import type { Component, Gate, InUse, Present } from "./component.js";
import { isLiteral } from "./pattern.js";
import {
  flattenIssue,
  type Path,
  type RawComponent,
  type RawInUse,
  type RawPresent,
  schema,
} from "./schema.js";

/** Throws `file-unreadable` and `manifest-invalid`, all there are. Components come in the order of the files. */
export async function readManifests(files: readonly string[]): Promise<readonly Component[]> {
  const diagnostics: Diagnostic[] = [];
  const placeByName = new Map<string, string>();
  const components: Component[] = [];
  for (const file of files) {
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      diagnostics.push(diagnose("file-unreadable", { file, cause: (error as Error).message }));
      continue;
    }
    const { places, found } = parseManifest(file, text, diagnostics);
    for (const component of found) {
      const earlier = placeByName.get(component.name);
      if (earlier === undefined) {
        placeByName.set(component.name, `${file}:${component.line}`);
        components.push(component);
        continue;
      }
      const what = `component ${component.name} is described already at ${earlier}`;
      const path = ["components", component.name];
      diagnostics.push(diagnose("manifest-invalid", { file, ...places.ofKey(path), what }));
    }
  }
  failIfAny(diagnostics);
  return components;
}

function parseManifest(file: string, text: string, diagnostics: Diagnostic[]) {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const places = new Places(document, counter);
  const issues: { line: number; column: number; what: string }[] = [];
  const wrong = (place: { line: number; column: number }, what: string) => issues.push({ ...place, what });

  // A key that is given twice leaves a document whose rest can still be checked; bad YAML does not.
  let readable = true;
  for (const { code, pos, message } of [...document.errors, ...document.warnings]) {
    if (code === "DUPLICATE_KEY")
      wrong(places.at(pos[0]), `${text.slice(...pos).split(/[\s:]/, 1)[0]} is given twice`);
    else {
      wrong(places.at(pos[0]), message.replace(/\.$/, ""));
      readable = false;
    }
  }
  visit(document, {
    Alias: (_, node) => {
      wrong(places.at(node.range?.[0] ?? 0), "aliases are not part of the form");
      readable = false;
    },
    // To YAML that is a null, which as a gate's answer would be an answer that nobody gave.
    Pair: (_, pair) => {
      if (isNode(pair.key) && (pair.value === null || (isScalar(pair.value) && pair.value.source === "")))
        wrong(places.at(pair.key.range?.[0] ?? 0), `${String(pair.key)} is given nothing`);
    },
  });

  const parsed = readable ? schema.safeParse(document.toJS()) : undefined;
  for (const { path, what, atKey } of parsed?.error?.issues.flatMap((issue) => flattenIssue(issue)) ?? [])
    wrong(atKey ? places.ofKey(path) : places.of(path), what);

  issues.sort((a, b) => a.line - b.line || a.column - b.column);
  diagnostics.push(...issues.map((issue) => diagnose("manifest-invalid", { file, ...issue })));
  if (parsed?.data === undefined || issues.length > 0) return { places, found: [] };

  const gatesAt = (path: Path, raw: Readonly<Record<string, unknown>>): Gate[] =>
    Object.entries(raw).map(([pattern, value]) => {
      const { line } = places.ofKey([...path, pattern]);
      return { pattern, literal: isLiteral(pattern), answer: parseAnswer(value)!, file, line };
    });
  const shared = gatesAt(["gates"], parsed.data.gates ?? {});
  const found = Object.entries(parsed.data.components).map(([name, raw]) =>
    toComponent(name, raw, file, places, gatesAt, shared),
  );
  return { places, found };
}

function toComponent(
  name: string,
  raw: RawComponent,
  file: string,
  places: Places,
  gatesAt: (path: Path, raw: Readonly<Record<string, unknown>>) => Gate[],
  shared: readonly Gate[],
): Component {
  const path = ["components", name];
  return {
    name,
    title: raw.title,
    file,
    line: places.ofKey(path).line,
    code: raw.code.map((rule, index) => {
      const kind =
        rule.objects !== undefined ? "objects" : rule.sections !== undefined ? "sections" : "symbols";
      return {
        kind,
        patterns: [rule[kind]!].flat(),
        ...(rule.except === undefined ? {} : { except: [rule.except].flat() }),
        line: places.of([...path, "code", index]).line,
      };
    }),
    inUse: toInUse(raw.inUse, [...path, "inUse"], places),
    ...(raw.present === undefined ? {} : { present: toPresent(raw.present) }),
    canAppear: raw.canAppear,
    ...(raw.registers === undefined ? {} : { registers: raw.registers }),
    gates: [...gatesAt([...path, "gates"], raw.gates ?? {}), ...shared],
    ...(raw.exports === undefined ? {} : { exports: raw.exports }),
  };
}

function toInUse(raw: RawInUse, path: Path, places: Places): InUse {
  const { line } = places.of(path);
  if (raw === "never") return { op: "never", line };
  for (const op of ["any", "all"] as const)
    if (raw[op] !== undefined)
      return { op, line, of: raw[op].map((one, index) => toInUse(one, [...path, op, index], places)) };
  if (raw.not !== undefined) return { op: "not", line, of: toInUse(raw.not, [...path, "not"], places) };
  const common = { line, ...(raw.ifBuilt === undefined ? {} : { ifBuilt: raw.ifBuilt }) };
  for (const op of ["nonZero", "pointerSet", "listNotEmpty", "calls"] as const)
    if (raw[op] !== undefined) return { op, symbol: raw[op], ...common };
  const [symbol, other] = Object.entries(raw.equals!)[0]!;
  const value = typeof other === "string" ? { symbol: other } : Number(other);
  return { op: "equals", symbol, value, ...common };
}

function toPresent(raw: RawPresent): Present {
  if (raw === "never") return { op: "never" };
  for (const op of ["any", "all"] as const)
    if (raw[op] !== undefined) return { op, of: raw[op].map(toPresent) };
  if (raw.not !== undefined) return { op: "not", of: toPresent(raw.not) };
  if (raw.acpiTable !== undefined) return { op: "acpiTable", signature: raw.acpiTable };
  if (raw.hypervisor !== undefined) return { op: "hypervisor", name: raw.hypervisor };
  if (raw.pciDevice !== undefined) return { op: "pciDevice", id: raw.pciDevice };
  const { vendor, families } = raw.cpu!;
  return { op: "cpu", vendor, ...(families === undefined ? {} : { families }) };
}

/** Where the parts of one document stand. A part that is missing stands where what should hold it stands. */
class Places {
  constructor(
    private readonly document: Document,
    private readonly counter: LineCounter,
  ) {}

  at(offset: number): { line: number; column: number } {
    const { line, col } = this.counter.linePos(offset);
    return { line, column: col };
  }

  of(path: Path): { line: number; column: number } {
    for (let length = path.length; length > 0; length--) {
      const node = this.document.getIn(path.slice(0, length), true);
      if (!isNode(node)) continue;
      // What is missing from a mapping is missed at the key that names the mapping.
      return length < path.length && isMap(node) ? this.ofKey(path.slice(0, length)) : this.ofNode(node);
    }
    return this.at(0);
  }

  ofKey(path: Path): { line: number; column: number } {
    const holder = path.length > 1 ? this.document.getIn(path.slice(0, -1), true) : this.document.contents;
    const pair = isMap(holder)
      ? holder.items.find((one) => isNode(one.key) && String(one.key) === String(path.at(-1)))
      : undefined;
    return isNode(pair?.key) ? this.ofNode(pair.key) : this.of(path);
  }

  private ofNode(node: Node): { line: number; column: number } {
    return this.at(node.range?.[0] ?? 0);
  }
}
