// SPDX-License-Identifier: Apache-2.0
/**
 * Makes changed copies of the objects that the plan touches. It decides nothing: which units go into which
 * region and which references go through which gate is in its input. One object is changed and written at a time, so
 * that no more than one changed copy is ever held.
 */

import { mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  describeEdge,
  type Graph,
  locateSymbol,
  sectionOf,
  sourceOf,
  type UnitId,
} from "../1-graph/graph.js";
import { freeName, type Gate } from "../6-boundary/gates.js";
import { fillerSection } from "../7-layout/filler.js";
import type { Region } from "../7-layout/regions.js";
import { editObject, type ObjectEditor } from "../elf/edit.js";
import { sectionFlag, symbolBinding, symbolType, symbolVisibility } from "../elf/format.js";
import { symbolName } from "../elf/object.js";
import { isRelative } from "../x86/x86.js";
import { regionSection } from "./tables.js";

/** A file that stands in for an object of the link. */
export interface Replacement {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

export interface RewriteInputs {
  readonly graph: Graph;
  readonly regions: readonly Region[];
  /** Text that gets a name of its own. */
  readonly filler: readonly UnitId[];
  readonly gates: readonly Gate[];
  /** Names that the tables use for the symbols they refer to, by their number in the graph. */
  readonly tableNames: ReadonlyMap<number, string>;
  /** Where the changed copies go. */
  readonly folder: string;
}

/**
 * Names under which the generated assembly reaches symbols of any object. A local symbol gets a second, global
 * name; a second one of the same name gets a number, in link order.
 */
export function nameSymbols(graph: Graph, symbols: readonly number[]): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const taken = new Set<string>();
  for (const symbol of [...new Set(symbols)].sort((a, b) => a - b)) {
    const { object, symbol: index } = locateSymbol(graph, symbol);
    const holder = graph.objects[object]!;
    const name = symbolName(holder, index);
    if (holder.symbols.binding[index] !== symbolBinding.local) {
      names.set(symbol, name);
      continue;
    }
    names.set(symbol, freeName(`__jettison_${name.replace(/\W/g, "_")}`, taken));
  }
  return names;
}

export const targetSymbol = (graph: Graph, gate: Gate) =>
  graph.symbolBase[graph.unitObject[gate.unit]!]! + gate.target.symbol;

/**
 * A file of its own for each object: two members of an archive may have the same name. It is kept, as the linker gives the
 * symbol of what was assembled that of its file. The folder exists then.
 */
export function makeObjectPath(folder: string, object: number, file: string): string {
  const path = join(folder, String(object), basename(file).replaceAll(/[()]/g, ""));
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** Writes the copies; gives them by the number of their object. */
export function rewriteObjects(inputs: RewriteInputs): Map<number, Replacement> {
  const { graph, folder } = inputs;
  const replacements = new Map<number, Replacement>();
  for (const [index, edits] of [...collectEdits(inputs)].sort(([a], [b]) => a - b)) {
    const object = graph.objects[index]!;
    const editor = editObject(object);
    for (const edit of edits) edit(editor);
    const path = makeObjectPath(folder, index, object.file);
    replacements.set(index, { path, size: editor.write(path) });
  }
  return replacements;
}

type Edit = (editor: ObjectEditor) => void;

/** The changes of each object, in the order in which they are made. */
function collectEdits({ graph, regions, filler, gates, tableNames }: RewriteInputs): Map<number, Edit[]> {
  const editsByObject = new Map<number, Edit[]>();
  const add = (object: number, edit: Edit) => {
    const edits = editsByObject.get(object);
    if (edits === undefined) editsByObject.set(object, [edit]);
    else edits.push(edit);
  };

  for (const region of regions) {
    const name = regionSection(region);
    for (const unit of region.units)
      add(graph.unitObject[unit]!, (editor) => {
        const section = graph.unitSection[unit]!;
        editor.renameSection(section, name);
        // Or what stays would come to share a string or a constant with what leaves.
        if (sectionOf(graph, unit).flags & sectionFlag.merge) editor.dropMerge(section);
      });
  }

  for (const unit of filler)
    add(graph.unitObject[unit]!, (editor) => editor.renameSection(graph.unitSection[unit]!, fillerSection));

  for (const [symbol, name] of tableNames) {
    const { object, symbol: index } = locateSymbol(graph, symbol);
    const { symbols } = graph.objects[object]!;
    if (symbols.binding[index] !== symbolBinding.local) continue;
    add(object, (editor) =>
      editor.addSymbol({
        name,
        section: symbols.sectionIndex[index]!,
        type: symbols.type[index]!,
        visibility: symbolVisibility.hidden,
        value: symbols.value[index]!,
        size: symbols.size[index]!,
      }),
    );
  }

  for (const { gateSymbol, references } of gates)
    for (const edge of references) {
      const from = sourceOf(graph, edge);
      add(graph.unitObject[from]!, (editor) => {
        const symbol = editor.addSymbol({
          name: gateSymbol,
          section: 0,
          type: symbolType.none,
          visibility: symbolVisibility.default,
          value: 0,
          size: 0,
        });
        // A PC-relative operand is counted from the end of its field, which is the end of the instruction.
        const { type } = describeEdge(graph, edge);
        const isCode = (sectionOf(graph, from).flags & sectionFlag.execute) !== 0;
        editor.retarget(graph.edgeAt[edge]!, symbol, isCode && isRelative(type) ? -4 : 0);
      });
    }
  return editsByObject;
}
