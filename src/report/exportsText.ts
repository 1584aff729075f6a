// SPDX-License-Identifier: Apache-2.0
import type { Export } from "../exports/exports.js";
import { describeFate } from "../exports/fate.js";
import type { BuiltModules } from "../exports/modules.js";
import { formatTable } from "./textTable.js";

const mostNamed = 3;

function formatImporters(importers: readonly string[]): string {
  if (importers.length === 0) return "-";
  const names = importers.map((path) => path.replace(/.*\//, ""));
  const more = names.length - mostNamed;
  return more > 0 ? `${names.slice(0, mostNamed).join(", ")} and ${more} more` : names.join(", ");
}

/** Exports of components, for a terminal. */
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
    describeFate(fate),
  ]);
  const table = formatTable(["export", "for", "component", "imported by", "when it leaves"], rows);
  const unknown =
    unreadable.length > 0 ? `Not known what these modules import: ${unreadable.join(", ")}\n` : "";
  return `Exports of components (importers: ${built}):\n${table}${unknown}`;
}
