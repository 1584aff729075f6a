// SPDX-License-Identifier: Apache-2.0
/**
 * Components made of built-in modules that leave without a manifest: drivers, for now. They are in use if a device is bound to
 * them, or would be. The kernel cannot know that of a driver whose devices are found after the initcalls (`isLate`).
 */

import { type Graph, locateSymbol } from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";
import type { Claims } from "../3-component/claim.js";
import { type Component, mostComponents } from "../3-component/component.js";
import { sumValues } from "../sum.js";
import { pageSize } from "../x86/x86.js";
import { type AutomaticModule, classifyModules, isAutomatic } from "./classify.js";
import { findModaliases } from "./deviceTables.js";
import type { CodePart } from "./hooks.js";

/** Less is not worth the rounding to pages of each kind of memory. */
const leastBytes = 2 * pageSize;

export interface ChosenModules {
  /** In the order of their initcalls, at most as many as there is room for: the largest. */
  readonly modules: readonly Component[];
  /** Why the other automatic ones are none, by their paths. */
  readonly setAside: ReadonlyMap<string, string>;
}

export function chooseModules(
  graph: Graph,
  roles: readonly Role[],
  claims: Claims,
  modfiles: (file: string) => readonly string[],
): ChosenModules {
  const claimed = claimedObjects(graph, claims);
  const names = new Set([...claims.components, ...claims.skipped].map(({ name }) => name));
  const setAside = new Map<string, string>();
  const room = Math.max(0, mostComponents - claims.components.length);
  const chosen: AutomaticModule[] = [];
  const isInit = ({ unit }: CodePart) => roles[unit] === "init";
  const unfit = (one: AutomaticModule) => {
    if (one.module.objects.some((object) => claimed.has(object))) return "a manifest describes it";
    if (names.has(one.name)) return "another component has its name";
    if (one.class !== "driver") return one.class;
    if (one.exports > 0) return "exports";
    if (sizeOf(one) < leastBytes) return "less than 8 kB";
    if (!isInit(one.init) || !isInit(one.exit)) return "its init code is not freed";
    return chosen.length === room ? "no room" : undefined;
  };
  const automatic = classifyModules(graph, roles, modfiles)
    .filter(isAutomatic)
    .sort((a, b) => sizeOf(b) - sizeOf(a) || (a.module.path < b.module.path ? -1 : 1));
  for (const one of automatic) {
    const why = unfit(one);
    if (why !== undefined) setAside.set(one.module.path, why);
    else {
      chosen.push(one);
      names.add(one.name);
    }
  }
  const modules = chosen
    .sort((a, b) => initLevel(graph, a.init) - initLevel(graph, b.init) || a.init.symbol - b.init.symbol)
    .map((one) => toComponent(graph, one));
  return { modules, setAside };
}

const sizeOf = ({ bytes }: AutomaticModule) => sumValues(bytes);

/** Objects with units that a manifest claims, except init helpers: the manifest's author has considered them. */
function claimedObjects(graph: Graph, { componentByUnit, initHelpers }: Claims): ReadonlySet<number> {
  const objects = new Set<number>();
  for (let unit = 0; unit < graph.unitCount; unit++)
    if (componentByUnit[unit]! >= 0 && !initHelpers.has(unit)) objects.add(graph.unitObject[unit]!);
  return objects;
}

const levels = ["early", "0", "1", "2", "3", "4", "5", "rootfs", "6", "7"];

/** When its turn comes: the level of the table that names it, `.initcall6.init` or `.initcall6s.init`. */
function initLevel(graph: Graph, { symbol }: CodePart): number {
  const { object } = locateSymbol(graph, symbol);
  const level = graph.objects[object]!.sections.flatMap(
    ({ name, size }) => (size > 0 && /^\.initcall(early|rootfs|\d)(s?)\.init$/.exec(name)) || [],
  );
  return 2 * levels.indexOf(level[1] ?? "7") + (level[2] === "s" ? 1 : 0);
}

function toComponent(graph: Graph, automatic: AutomaticModule): Component {
  const { name, module, registrars, init, exit } = automatic;
  const patterns = findModaliases(graph, automatic);
  return {
    name,
    title: module.path,
    file: "modules.builtin",
    line: 1,
    after: [],
    needs: [],
    code: [
      { kind: "objects", patterns: module.objects.map((object) => graph.objects[object]!.file), line: 1 },
    ],
    resident: [],
    // The kernel asks the driver core instead.
    inUse: { op: "never", line: 1 },
    ...(patterns === undefined ? {} : { present: { op: "modalias", patterns } as const }),
    canAppear: "hotplug",
    gates: [],
    automatic: {
      ...{ init: init.symbol, exit: exit.symbol, objects: new Set(module.objects) },
      isLate: registrars.some(({ isLate }) => isLate),
    },
  };
}
