// SPDX-License-Identifier: Apache-2.0
/**
 * Makes changed copies of the objects that the plan touches. It decides nothing: which units go into which
 * region and which references go through which gate is in its input.
 */
import type { Gate } from "../boundary/gates.js";
import { editObject, type ObjectEditor } from "../elf/edit.js";
import { relocationType, sectionFlag, symbolBinding, symbolType, symbolVisibility } from "../elf/format.js";
import { loadFile } from "../elf/load.js";
import { readObject, symbolName } from "../elf/object.js";
import { describeEdge, type Graph, locateSymbol, sectionOf, sourceOf } from "../graph/graph.js";
import type { Region } from "../layout/regions.js";
import { regionSection } from "./tables.js";

export interface Rewritten {
  /** Index of the object in the link. */
  readonly object: number;
  readonly bytes: Buffer;
}

export interface RewriteInputs {
  readonly graph: Graph;
  readonly paths: readonly (string | undefined)[];
  readonly regions: readonly Region[];
  readonly gates: readonly Gate[];
  /** What the tables call the symbols that they refer to, by their number in the graph. */
  readonly tableNames: ReadonlyMap<number, string>;
}

/**
 * Names under which the generated assembly reaches symbols of any object. A local symbol gets a second, global
 * name; a second one of the same name gets a number, in link order.
 */
export function nameSymbols(graph: Graph, symbols: readonly number[]): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const taken = new Map<string, number>();
  for (const symbol of [...new Set(symbols)].sort((a, b) => a - b)) {
    const { object, symbol: index } = locateSymbol(graph, symbol);
    const holder = graph.objects[object]!;
    const name = symbolName(holder, index);
    if (holder.symbols.binding[index] !== symbolBinding.local) {
      names.set(symbol, name);
      continue;
    }
    const plain = `__jettison_${name.replace(/\W/g, "_")}`;
    const count = (taken.get(plain) ?? 0) + 1;
    taken.set(plain, count);
    names.set(symbol, count === 1 ? plain : `${plain}_${count}`);
  }
  return names;
}

export const targetSymbol = (graph: Graph, gate: Gate) =>
  graph.symbolBase[graph.unitObject[gate.unit]!]! + gate.target.symbol;

export function rewriteObjects({
  graph,
  paths,
  regions,
  gates,
  tableNames,
}: RewriteInputs): readonly Rewritten[] {
  const editors = new Map<number, ObjectEditor>();
  const edit = (object: number): ObjectEditor => {
    const known = editors.get(object);
    if (known !== undefined) return known;
    // An object with debug information was not read as a whole.
    const path = paths[object];
    const loaded = graph.objects[object]!;
    const editor = editObject(path === undefined ? loaded : readObject(loaded.file, loadFile(path)));
    editors.set(object, editor);
    return editor;
  };

  for (const region of regions)
    for (const unit of region.units) {
      const editor = edit(graph.unitObject[unit]!);
      const section = graph.unitSection[unit]!;
      editor.renameSection(section, regionSection(region));
      // Or what stays would come to share a string or a constant with what leaves.
      if (sectionOf(graph, unit).flags & sectionFlag.merge) editor.dropMerge(section);
    }

  for (const [symbol, name] of tableNames) {
    const { object, symbol: index } = locateSymbol(graph, symbol);
    const { symbols } = graph.objects[object]!;
    if (symbols.binding[index] !== symbolBinding.local) continue;
    edit(object).addSymbol({
      name,
      section: symbols.sectionIndex[index]!,
      type: symbols.type[index]!,
      visibility: symbolVisibility.hidden,
      value: symbols.value[index]!,
      size: symbols.size[index]!,
    });
  }

  for (const gate of gates)
    for (const edge of gate.references) {
      const from = sourceOf(graph, edge);
      const editor = edit(graph.unitObject[from]!);
      const symbol = editor.addSymbol({
        name: gate.gateSymbol,
        section: 0,
        type: symbolType.none,
        visibility: symbolVisibility.default,
        value: 0,
        size: 0,
      });
      // A PC-relative operand is counted from the end of its field, which is the end of the instruction.
      const { type } = describeEdge(graph, edge);
      const isCode = (sectionOf(graph, from).flags & sectionFlag.execute) !== 0;
      const isRelative = type === relocationType.pc32 || type === relocationType.plt32;
      editor.retarget(graph.edgeAt[edge]!, symbol, isCode && isRelative ? -4 : 0);
    }

  return [...editors]
    .sort(([a], [b]) => a - b)
    .map(([object, editor]) => ({ object, bytes: editor.finish() }));
}
