// SPDX-License-Identifier: Apache-2.0
/**
 * Writes the assembly that stands in for the kernel's empty kernel/jettison/tables.S: a gate for every
 * crossing, and the tables that the kernel side reads (docs/design.md, "Tables for the kernel").
 */

import { appearances, type Component, type InUse, tableNames } from "../3-component/component.js";
import type { Refusal } from "../6-boundary/boundary.js";
import type { Gate } from "../6-boundary/gates.js";
import type { Region } from "../7-layout/regions.js";
import { type Kind, kinds } from "../elf/kind.js";
import { gateCode } from "../x86/x86.js";

export interface TableInputs {
  readonly components: readonly Component[];
  readonly refusals: readonly Refusal[];
  readonly refusalText: (refusal: Refusal) => string;
  readonly regions: readonly Region[];
  readonly gates: readonly Gate[];
  /** Index of the region that holds a gate's function. */
  readonly regionOfGate: (gate: Gate) => number;
  /** The global name under which the linker finds a gate's function. A function that answers in its place is global. */
  readonly nameOfTarget: (gate: Gate) => string;
  /** The global name of an initcall or an exit function. */
  readonly nameOfSymbol: (symbol: number) => string;
  /** The subject of an `inUse` test: its global name and its size in bytes. */
  readonly resolve: (component: number, symbol: string) => { readonly name: string; readonly size: number };
}

const opcodes = [
  "nonZero",
  "pointerSet",
  "listNotEmpty",
  "calls",
  "equals",
  "never",
  "any",
  "all",
  "not",
] as const;
/** Bytes of a row of components, regions and gates. */
const rowBytes = 32;
const ownerBytes = 2;
const needBytes = 4;
/** A region costs the kernel its row, and the byte that shuts it. */
export const bytesOfRegion = rowBytes + 1;
/** Rows that the final link may fill in (src/8-link/padding.ts), and the bytes of one. */
export const mostPadding = 32;
const paddingBytes = 8;

/** arch/x86/kernel/vmlinux.lds.S has them in this order, behind the constants that may leave. */
const tableOrder: readonly string[] = tableNames;
export const tableKind: Kind = "rodata";

export const regionSection = (region: Region) => `.${region.kind}..jettison.${region.name}`;
export const regionStart = (region: Region) => `__jettison_region_${region.name}_start`;
export const regionEnd = (region: Region) => `__jettison_region_${region.name}_end`;

export function writeTables(inputs: TableInputs): string {
  return [
    "/* SPDX-License-Identifier: GPL-2.0-only */",
    "/* Made by jettison for this link. */",
    "#include <linux/cfi_types.h>",
    "#include <linux/linkage.h>",
    "",
    "\t.text",
    ...inputs.gates.flatMap((gate, index) => gateText(inputs, gate, index)),
    ...table("jettison_components", ".rodata", componentRows(inputs)),
    ...table("jettison_regions", ".rodata", regionRows(inputs)),
    ...table("jettison_gates", ".rodata", gateRows(inputs)),
    ...table("jettison_owners", ".rodata", ownerRows(inputs), ownerBytes),
    ...table("jettison_needs", ".rodata", needRows(inputs), needBytes),
    ...paddingRows(inputs),
    ...automaticRows(inputs),
    "",
    ...endbrNotes(inputs),
    ...testPrograms(inputs),
    '\t.section .data..ro_after_init, "aw"',
    ...object("jettison_region_shut", 1, [
      `.skip\t${Math.max(inputs.regions.length + placeTables(inputs.components).length, 1)}`,
    ]),
    "\t.bss",
    ...object("jettison_gate_calls", 8, [`.skip\t${8 * Math.max(inputs.gates.length, 1)}`]),
    '\t.section .rodata.jettison.str1.1, "aMS", @progbits, 1',
    ...strings(inputs),
    "",
  ].join("\n");
}

function gateText({ regionOfGate, nameOfTarget }: TableInputs, gate: Gate, index: number): string[] {
  return gateCode({
    symbol: gate.gateSymbol,
    flag: `jettison_region_shut + ${regionOfGate(gate)}`,
    target: nameOfTarget(gate),
    shut:
      gate.answer.kind === "function"
        ? { other: gate.answer.function }
        : { row: `jettison_gates + ${rowBytes * index}` },
    label: `.Lshut_${index}`,
  });
}

function componentRows({ components, refusals }: TableInputs): string[] {
  return components.flatMap((component, index) => {
    const isRefused = refusals.some((refusal) => refusal.component === index);
    const tests = flatten(component.inUse).length;
    return [
      `.quad\t.Lname_${index}, ${isRefused ? `.Lreason_${index}` : "0"}, .Ltests_${index}`,
      `.short\t${tests}`,
      `.byte\t${appearances.indexOf(component.canAppear)}, ${isRefused ? 1 : 0}`,
      ".long\t0",
    ];
  });
}

/** A component, and one that stays as long as it does, which comes after it. */
function needRows({ components }: TableInputs): string[] {
  const indexOf = new Map(components.map(({ name }, index) => [name, index]));
  return components.flatMap(({ needs }, index) => {
    const needed = new Set(needs.flatMap(({ name }) => indexOf.get(name) ?? []));
    return [...needed].sort((a, b) => a - b).map((other) => `.short\t${index}, ${other}`);
  });
}

/** The owners of all regions, one region's behind another's. */
function ownerRows(inputs: TableInputs): string[] {
  return placeRegions(inputs).map(({ owners }) => `.short\t${owners.join(", ")}`);
}

function regionRows(inputs: TableInputs): string[] {
  let first = 0;
  return placeRegions(inputs).flatMap(({ start, end, owners, kind }) => {
    first += owners.length;
    return [
      `.quad\t${start}, ${end}`,
      `.long\t${first - owners.length}, ${owners.length}, ${kinds.indexOf(kind)}, 0`,
    ];
  });
}

/** By address: tables come behind the constants, and those in the order of the linker script. */
function placeRegions({ components, regions }: TableInputs) {
  const place = (region: Region) => ({
    start: regionStart(region),
    end: regionEnd(region),
    owners: [...new Set(region.owners)].sort((a, b) => a - b),
    kind: region.kind,
  });
  const isBefore = ({ kind }: Region) => kinds.indexOf(kind) <= kinds.indexOf(tableKind);
  return [
    ...regions.filter(isBefore).map(place),
    ...placeTables(components).map(({ name, owner }) => ({
      start: `__jettison_table_${name}_start`,
      end: `__jettison_table_${name}_end`,
      owners: [owner],
      kind: tableKind,
    })),
    ...regions.filter((region) => !isBefore(region)).map(place),
  ];
}

/** Tables that are constants, in the order of the kernel's linker script, with the component that each one is. */
export const placeTables = (components: readonly Component[]) =>
  components
    .flatMap(({ table }, owner) => (table === undefined ? [] : [{ ...table, owner }]))
    .sort((a, b) => tableOrder.indexOf(a.name) - tableOrder.indexOf(b.name));

/** Built-in modules in the order of their initcalls; init memory has their functions. */
function automaticRows({ components, nameOfSymbol }: TableInputs): string[] {
  const rows = components.flatMap(({ automatic }, index) =>
    automatic === undefined
      ? []
      : [
          `.long\t${index}, ${automatic.isLate ? 1 : 0}`,
          `.quad\t${nameOfSymbol(automatic.init)}, ${nameOfSymbol(automatic.exit)}`,
        ],
  );
  return [
    ...object("jettison_nr_automatic", 4, [`.long\t${rows.length / 2}`]),
    ...object("jettison_automatic", 8, rows),
  ];
}

/** Nothing is known of the padding yet; its component has room reserved for it. */
function paddingRows({ components }: TableInputs): string[] {
  const owner = components.findIndex(({ padding }) => padding !== undefined);
  return [
    ...object("jettison_padding_owner", 4, [`.long\t${owner}`]),
    ...object("jettison_nr_padding", 4, [".long\t0"]),
    ...object("jettison_padding", 4, [`.skip\t${owner < 0 ? 0 : mostPadding * paddingBytes}`]),
  ];
}

/**
 * The table holds addresses of text, where nothing is ever called: objtool is told so, in the form of each version. 1 is
 * ANNOTYPE_NOENDBR (7.3: include/linux/objtool_types.h). The kernel's linker script drops both sections.
 */
function endbrNotes({ regions }: TableInputs): string[] {
  const text = regions.filter(({ kind }) => kind === "text");
  return [
    "\t.section .discard.noendbr",
    ...text.map((region) => `\t.long\t${regionStart(region)}`),
    '\t.section .discard.annotate_insn, "M", @progbits, 8',
    ...text.map((region) => `\t.long\t${regionStart(region)} - ., 1`),
  ];
}

function gateRows({ gates, regionOfGate }: TableInputs): string[] {
  return gates.flatMap((gate, index) => {
    const { kind } = gate.answer;
    const answer = kind === "value" ? gate.answer.value : kind === "function" ? gate.answer.function : 0;
    const flags =
      (kind === "void" ? 1 : 0) |
      (gate.refusesModules ? 2 : 0) |
      (gate.isExpected ? 4 : 0) |
      (kind === "function" ? 8 : 0);
    return [
      `.quad\t.Lfunction_${index}, ${gate.gateSymbol}, ${answer}`,
      `.long\t${regionOfGate(gate)}, ${flags}`,
    ];
  });
}

/** The tests of a component as a postfix program, in memory that the kernel frees after it has decided. */
function testPrograms({ components, resolve }: TableInputs): string[] {
  const rows = components.flatMap(({ inUse }, index) => [
    `.Ltests_${index}:`,
    ...flatten(inUse).flatMap((test) => testRow(test, (symbol) => resolve(index, symbol))),
  ]);
  return ['\t.section .init.rodata, "a"', ...object("jettison_tests", 8, rows)];
}

function testRow(test: InUse, resolve: (symbol: string) => { name: string; size: number }): string[] {
  const op = opcodes.indexOf(test.op);
  if (!("symbol" in test)) {
    const results = "of" in test && Array.isArray(test.of) ? test.of.length : 0;
    return [`.byte\t${op}, 0`, `.short\t${results}`, ".long\t0", ".quad\t0, 0"];
  }
  const { name, size } = resolve(test.symbol);
  const value =
    test.op !== "equals" ? 0 : typeof test.value === "number" ? test.value : resolve(test.value.symbol).name;
  return [`.byte\t${op}, ${size <= 8 ? size : 0}`, ".short\t0", `.long\t${size}`, `.quad\t${name}, ${value}`];
}

/** Operands before the operator that joins them. */
function flatten(test: InUse): InUse[] {
  if (test.op === "any" || test.op === "all") return [...test.of.flatMap(flatten), test];
  if (test.op === "not") return [...flatten(test.of), test];
  return [test];
}

function strings({ components, refusals, refusalText, gates }: TableInputs): string[] {
  const string = (label: string, text: string) => [`${label}:`, `\t.asciz\t${JSON.stringify(text)}`];
  return [
    ...components.flatMap(({ name }, index) => string(`.Lname_${index}`, name)),
    ...refusals.flatMap((refusal) => string(`.Lreason_${refusal.component}`, refusalText(refusal))),
    ...gates.flatMap(({ target }, index) => string(`.Lfunction_${index}`, target.name)),
  ];
}

function table(name: string, section: string, rows: readonly string[], bytes = rowBytes): string[] {
  const count = `jettison_nr_${name.slice("jettison_".length)}`;
  return [
    `\t.section ${section}, "a"`,
    ...object(name, Math.min(bytes, 8), rows),
    ...object(count, 4, [`.long\t(.Lend_${name} - ${name}) / ${bytes}`]),
    "",
  ];
}

function object(name: string, align: number, rows: readonly string[]): string[] {
  return [
    `\t.balign ${align}`,
    `SYM_DATA_START(${name})`,
    ...rows.map((one) => `\t${one}`),
    `.Lend_${name}:`,
    `SYM_DATA_END(${name})`,
  ];
}
