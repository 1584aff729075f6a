// SPDX-License-Identifier: Apache-2.0
import { type Graph, locateSymbol } from "../1-graph/graph.js";
import { testKey } from "../3-component/testSymbols.js";
import type { Analysis } from "../7-layout/analysis.js";
import { describeRefusal } from "../plan/plan.js";
import { nameSymbols, targetSymbol } from "./rewrite.js";
import type { TableInputs } from "./tables.js";

/** Global names of the symbols that the tables refer to, by symbol. */
export const nameTableSymbols = ({ graph, claims, testSymbols, boundary }: Analysis) =>
  nameSymbols(graph, [
    ...testSymbols.values(),
    ...boundary.gates.map((gate) => targetSymbol(graph, gate)),
    ...claims.components.flatMap(({ automatic }) =>
      automatic === undefined ? [] : [automatic.init, automatic.exit],
    ),
  ]);

/** The contents of the tables. */
export function describeTables(
  { graph, claims, testSymbols, boundary, regions }: Analysis,
  tableNames: ReadonlyMap<number, string>,
): TableInputs {
  const regionByUnit = new Map(
    regions.flatMap(({ units }, index) => units.map((unit) => [unit, index] as const)),
  );
  return {
    components: claims.components,
    refusals: boundary.refusals,
    refusalText: (refusal) => describeRefusal(graph, refusal),
    regions,
    gates: boundary.gates,
    regionOfGate: (gate) => regionByUnit.get(gate.unit)!,
    nameOfTarget: (gate) => tableNames.get(targetSymbol(graph, gate))!,
    nameOfSymbol: (symbol) => tableNames.get(symbol)!,
    resolve(component, symbol) {
      const found = testSymbols.get(testKey(component, symbol))!;
      return { name: tableNames.get(found)!, size: sizeOfSymbol(graph, found) };
    },
  };
}

function sizeOfSymbol(graph: Graph, symbol: number): number {
  const { object, symbol: index } = locateSymbol(graph, symbol);
  return graph.objects[object]!.symbols.size[index]!;
}
