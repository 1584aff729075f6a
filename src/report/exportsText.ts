// SPDX-License-Identifier: Apache-2.0
import type { Export, Fate, KeptBecause } from "../exports/exports.js";
import type { BuiltModules } from "../exports/modules.js";
import { formatTable } from "./textTable.js";

const keptTexts: Record<KeptBecause, string> = {
  exported: "stays with its component, which its exports keep",
  pinned: "stays: it is data that others refer to",
  "component-refused": "stays with its component, which is refused",
  "too-small": "stays: its component has too little of its kind",
  "kind-stays": "stays: memory of its kind does",
};

function formatFate(fate: Fate): string {
  if (fate.does === "gate") return `gate, answers ${fate.answer}`;
  return fate.does === "refuse" ? "modules that use it are not loaded" : keptTexts[fate.why];
}

const mostNamed = 3;

function formatImporters(importers: readonly string[]): string {
  if (importers.length === 0) return "-";
  const names = importers.map((path) => path.replace(/.*\//, ""));
  const more = names.length - mostNamed;
  return more > 0 ? `${names.slice(0, mostNamed).join(", ")} and ${more} more` : names.join(", ");
}

/** What components export, for a terminal. */
export function formatExports(
  exports: readonly Export[],
  { modules, unreadable, importers, kinds }: BuiltModules,
): string {
  if (exports.length === 0) return "No component exports anything.\n";
  const built =
    modules.length === 0 ? "no modules were built" : `of ${modules.length} modules built beside it`;
  const rows = exports.map(({ symbol, components, fate }) => [
    symbol,
    kinds.get(symbol)?.kind.replace("EXPORT_SYMBOL", "").replace(/^_/, "") ?? "",
    components.join(" and "),
    formatImporters(importers.get(symbol) ?? []),
    formatFate(fate),
  ]);
  const table = formatTable(["export", "for", "component", "imported by", "when it leaves"], rows);
  const unknown =
    unreadable.length > 0 ? `Not known what these modules import: ${unreadable.join(", ")}\n` : "";
  return `Exports of components (importers: ${built}):\n${table}${unknown}`;
}
