// SPDX-License-Identifier: Apache-2.0
/**
 * Reads manifests (docs/manifests.md). The YAML parser provides the places, the schema checks the form. All errors in all
 * files are reported together, each with its file, line and column.
 */
import { readFileSync } from "node:fs";
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";
import { parseGate } from "./answer.js";
import type { CodeRule, Component, Gate, InUse, Mention, Present, Registration } from "./component.js";
import type { Places } from "./document.js";
import { checkManifest } from "./manifestDocument.js";
import { orderComponents } from "./order.js";
import { isLiteral } from "./pattern.js";
import { type Path, type RawComponent, type RawInUse, type RawPresent, ruleKinds } from "./schema.js";
import { isShipped } from "./shipped.js";
import { toVersions } from "./versions.js";

/** Throws `file-unreadable`, `manifest-invalid` and `manifest-cycle`, all there are. Components come in the order of detection. */
export async function readManifests(files: readonly string[]): Promise<readonly Component[]> {
  const diagnostics: Diagnostic[] = [];
  const placeByName = new Map<string, string>();
  let paddingAt: string | undefined;
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
      if (component.padding !== undefined && paddingAt !== undefined) {
        const what = `the padding has a component already, at ${paddingAt}`;
        const { line, column } = places.of(["components", component.name, "code", 0]);
        diagnostics.push(diagnose("manifest-invalid", { file, line, column, what }));
      } else if (component.padding !== undefined) paddingAt = `${file}:${component.padding}`;
      if (component.table !== undefined && component.table.name !== component.name) {
        const what = `the component of a table is named after it: ${component.table.name}`;
        const path = ["components", component.name];
        diagnostics.push(diagnose("manifest-invalid", { file, ...places.ofKey(path), what }));
      }
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
  return orderComponents(components);
}

function parseManifest(file: string, text: string, diagnostics: Diagnostic[]) {
  const { data, places, issues } = checkManifest(text);
  diagnostics.push(...issues.map((issue) => diagnose("manifest-invalid", { file, ...issue })));
  if (data === undefined) return { places, found: [] };

  const gatesAt = (path: Path, raw: Readonly<Record<string, unknown>>): Gate[] =>
    Object.entries(raw).flatMap(([pattern, value]) => {
      const { line } = places.ofKey([...path, pattern]);
      return parseGate(value)!.map((given) => ({
        pattern,
        literal: isLiteral(pattern),
        ...given,
        file,
        line,
      }));
    });
  const shared = gatesAt(["gates"], data.gates ?? {});
  const found = Object.entries(data.components ?? {}).map(([name, raw]) =>
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
  const mentions = (key: "after" | "needs"): Mention[] => {
    const named = raw[key] ?? [];
    if (typeof named === "string") return [{ name: named, ...places.of([...path, key]) }];
    return named.map((other, index) => ({ name: other, ...places.of([...path, key, index]) }));
  };
  return {
    name,
    title: raw.title,
    ...(isShipped(file) ? { isShipped: true as const } : {}),
    file,
    line: places.ofKey(path).line,
    ...(raw.kernels === undefined ? {} : { kernels: raw.kernels }),
    after: mentions("after"),
    needs: mentions("needs"),
    ...(raw.config === undefined ? {} : { config: [raw.config].flat() }),
    code: raw.code.flatMap((rule, index): CodeRule[] => {
      const kind = ruleKinds.find((one) => rule[one] !== undefined)!;
      if (kind === "padding" || kind === "table") return [];
      return [
        {
          kind,
          patterns: [rule[kind]!].flat(),
          ...(rule.except === undefined ? {} : { except: [rule.except].flat() }),
          ...(rule.optional === undefined ? {} : { isOptional: rule.optional }),
          ...toVersions(rule),
          line: places.of([...path, "code", index]).line,
        },
      ];
    }),
    resident: [raw.resident ?? []].flat(),
    ...(raw.code[0]?.padding === undefined ? {} : { padding: places.of([...path, "code", 0]).line }),
    ...(raw.code[0]?.table === undefined
      ? {}
      : {
          table: {
            name: raw.code[0].table,
            readers: [raw.code[0].readers!].flat(),
            line: places.of([...path, "code", 0]).line,
          },
        }),
    inUse: toInUse(raw.inUse, [...path, "inUse"], places),
    ...(raw.present === undefined ? {} : { present: toPresent(raw.present) }),
    canAppear: raw.canAppear,
    ...(raw.registers === undefined
      ? {}
      : {
          registers: raw.registers.map((one, index) =>
            toRegistration(one, places.of([...path, "registers", index]).line),
          ),
        }),
    gates: [...gatesAt([...path, "gates"], raw.gates ?? {}), ...shared],
    ...(raw.exports === undefined ? {} : { exports: raw.exports }),
  };
}

function toRegistration(
  { by, in: object, except, optional, why, since, until }: NonNullable<RawComponent["registers"]>[number],
  line: number,
): Registration {
  return {
    by: [by].flat(),
    ...(object === undefined ? {} : { object }),
    except: [except ?? []].flat(),
    ...(optional === undefined ? {} : { isOptional: optional }),
    ...toVersions({ since, until }),
    why,
    line,
  };
}

function toInUse(raw: RawInUse, path: Path, places: Places): InUse {
  const { line } = places.of(path);
  if (raw === "never") return { op: "never", line };
  for (const op of ["any", "all"] as const)
    if (raw[op] !== undefined)
      return { op, line, of: raw[op].map((one, index) => toInUse(one, [...path, op, index], places)) };
  if (raw.not !== undefined) return { op: "not", line, of: toInUse(raw.not, [...path, "not"], places) };
  const common = {
    ...{ line, ...toVersions(raw) },
    ...(raw.ifBuilt === undefined ? {} : { ifBuilt: raw.ifBuilt }),
  };
  for (const op of ["nonZero", "pointerSet", "listNotEmpty", "calls"] as const)
    if (raw[op] !== undefined) return { op, symbol: raw[op], ...common };
  const [symbol, other] = Object.entries(raw.equals!)[0]!;
  const value = typeof other === "string" ? { symbol: other } : Number(other);
  return { op: "equals", symbol, value, ...common };
}

/** `4G`, by the schema. */
const parseBytes = (text: string) => Number(text.slice(0, -1)) * 2 ** { M: 20, G: 30, T: 40 }[text.at(-1)!]!;

function toPresent(raw: RawPresent): Present {
  if (raw === "never") return { op: "never" };
  for (const op of ["any", "all"] as const)
    if (raw[op] !== undefined) return { op, of: raw[op].map(toPresent) };
  if (raw.not !== undefined) return { op: "not", of: toPresent(raw.not) };
  if (raw.acpiTable !== undefined) return { op: "acpiTable", signature: raw.acpiTable };
  if (raw.hypervisor !== undefined) return { op: "hypervisor", name: raw.hypervisor };
  if (raw.memoryAbove !== undefined) return { op: "memoryAbove", bytes: parseBytes(raw.memoryAbove) };
  if (raw.pciDevice !== undefined) return { op: "pciDevice", id: raw.pciDevice };
  const { vendor, families } = raw.cpu!;
  return { op: "cpu", vendor, ...(families === undefined ? {} : { families }) };
}
