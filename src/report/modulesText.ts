// SPDX-License-Identifier: Apache-2.0
/**
 * The text of `jettison modules` and of docs/modules.md: the modules that a kernel has built in, and those that could leave
 * as a module does.
 */

import { type ClassifiedModule, describeObstacle, isAutomatic } from "../4-builtin/classify.js";
import { registrars } from "../4-builtin/registrars.js";
import { formatNumber } from "../formatNumber.js";
import { sum, sumValues } from "../sum.js";
import { colourOf, type TextOptions } from "./colour.js";
import { markdownTable } from "./markdown.js";
import { formatTable } from "./textTable.js";

export const bytesOf = ({ bytes }: ClassifiedModule) => sumValues(bytes);

const verdictOf = (one: ClassifiedModule) =>
  one.obstacle !== undefined
    ? describeObstacle(one.obstacle)
    : isAutomatic(one)
      ? "automatic"
      : one.class === "library"
        ? "it has no initcall and no exit function"
        : "its init code registers nothing";

const registersOf = ({ registrars }: ClassifiedModule) => registrars.map(({ what }) => what).join(", ");

/** Automatic ones first, then by size. */
const sorted = (modules: readonly ClassifiedModule[]) =>
  [...modules].sort(
    (a, b) =>
      Number(isAutomatic(b)) - Number(isAutomatic(a)) ||
      bytesOf(b) - bytesOf(a) ||
      (a.name < b.name ? -1 : 1),
  );

export function formatModules(
  modules: readonly ClassifiedModule[],
  options: TextOptions = { styled: false },
): string {
  const colour = colourOf(options);
  const head = ["module", "class", "bytes", "exports", "verdict", "registers"].map((word) =>
    colour("bold", word),
  );
  const rows = sorted(modules).map((one) => [
    one.name,
    one.class ?? "-",
    bytesOf(one),
    one.exports,
    isAutomatic(one) ? colour("green", verdictOf(one)) : verdictOf(one),
    registersOf(one),
  ]);
  return `${summarise(modules)}\n${formatTable(head, rows)}`;
}

/** `measuredWith`: of which kernel, and made by what. */
export function modulesMarkdown(
  modules: readonly ClassifiedModule[],
  setAside: ReadonlyMap<string, string>,
  measuredWith: string,
): string {
  const chosen = modules.filter((one) => isAutomatic(one) && !setAside.has(one.module.path));
  const bytes = sum(chosen.map((one) => bytesOf(one)));
  const rows = sorted(modules).map((one) => [
    one.module.path,
    one.class ?? "",
    formatNumber(bytesOf(one)),
    formatNumber(one.exports),
    verdictOf(one),
    isAutomatic(one) ? (setAside.get(one.module.path) ?? "a component") : "",
    registersOf(one),
  ]);
  const head = ["module", "class", "bytes", "exports", "verdict", "with --automatic", "registers"];
  return [
    `${measuredWith}: ${summarise(modules)}`,
    `With \`--automatic\`, ${chosen.length} of these are components, ${formatNumber(bytes)} bytes.\n`,
    markdownTable(head, rows),
  ].join("\n");
}

/** The catalogue, as a table. */
export const registrarsMarkdown = () =>
  markdownTable(
    ["registrar", "undo", "class", "registers", "in use if"],
    registrars.map(({ names, undo, class: kind, what, seen }) => [names, undo, kind, what, seen]),
  );

function summarise(modules: readonly ClassifiedModule[]): string {
  const total = (some: readonly ClassifiedModule[]) => sum(some.map((one) => bytesOf(one)));
  const automatic = modules.filter(isAutomatic);
  const of = (kind: string) => {
    const some = automatic.filter((one) => one.class === kind);
    return `${some.length} of class ${kind} (${formatNumber(total(some))} bytes)`;
  };
  return [
    `${modules.length} built-in modules, ${formatNumber(total(modules))} bytes. ${automatic.length} are automatic, ${formatNumber(total(automatic))} bytes:`,
    `${of("driver")}, ${of("infrastructure")}, ${of("feature")}.\n`,
  ].join("\n");
}
