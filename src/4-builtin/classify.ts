// SPDX-License-Identifier: Apache-2.0
/**
 * Can a built-in module leave like a module? It can if it has one initcall and one exit function, and no other way in while
 * booting; if its init code reaches nothing outside but registrars of the catalogue and functions that leave nothing
 * behind; and if its exit function reaches the undo of each registrar.
 */

import { describeEdge, type EdgeId, type Graph, sectionOf, type UnitId } from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";
import { type Kind, kindOfSection } from "../elf/kind.js";
import { sum } from "../sum.js";
import { type CodePart, collectCode, collectReach, findHooks, type Hooks, type ModuleCode } from "./hooks.js";
import { type BuiltinModule, findModules, moduleName } from "./modules.js";
import { findRegistrar, isHarmless, onlyRead, type Registrar } from "./registrars.js";

export type ModuleClass = "driver" | "infrastructure" | "feature" | "library";

/** The reason why a module does not leave by itself. */
export type Obstacle =
  | { readonly kind: "no-init" | "no-exit" | "several-initcalls" | "several-exitcalls" }
  | { readonly kind: "hook" | "indirect"; readonly name: string }
  | { readonly kind: "shared"; readonly name: string }
  | { readonly kind: "calls" | "touches" | "not-undone"; readonly name: string; readonly edge: EdgeId };

export interface ClassifiedModule {
  readonly module: BuiltinModule;
  readonly name: string;
  readonly hooks: Hooks;
  /** By the registrars that its init code reaches; undefined: it reaches none that is known. */
  readonly class?: ModuleClass;
  readonly registrars: readonly Registrar[];
  /** Absent: it is automatic, or a library, which has nothing to be called. */
  readonly obstacle?: Obstacle;
  /** Its only ones. */
  readonly init?: CodePart;
  readonly exit?: CodePart;
  /** The most that may leave of it. */
  readonly bytes: Readonly<Record<Kind, number>>;
  /** How many of its functions and objects modules may use. */
  readonly exports: number;
}

/** An automatic module has these two. */
export interface AutomaticModule extends ClassifiedModule {
  readonly class: Exclude<ModuleClass, "library">;
  readonly init: CodePart;
  readonly exit: CodePart;
}

export function classifyModules(
  graph: Graph,
  roles: readonly Role[],
  modfiles: (file: string) => readonly string[],
): readonly ClassifiedModule[] {
  const modules = findModules(graph.objects, modfiles);
  const holders = new Map<number, string[]>();
  for (const { path, objects } of modules)
    for (const object of objects) holders.set(object, [...(holders.get(object) ?? []), path]);
  const exported = findExported(graph, roles);
  const unitsByObject = graph.objects.map((): UnitId[] => []);
  for (const [unit, object] of graph.unitObject.entries()) unitsByObject[object]!.push(unit);
  return modules.map((module) => {
    const code = collectCode(graph, unitsByObject, module.objects);
    const hooks = findHooks(graph, roles, code);
    const other = module.objects
      .flatMap((object) => holders.get(object)!)
      .find((path) => path !== module.path);
    const { obstacle, used } = judge(graph, code, hooks, other);
    const kind = classOf(hooks, used);
    return {
      module,
      name: moduleName(module),
      hooks,
      ...(kind === undefined ? {} : { class: kind }),
      registrars: used,
      ...(obstacle === undefined ? {} : { obstacle }),
      ...(hooks.initcalls.length === 1 ? { init: hooks.initcalls[0]! } : {}),
      ...(hooks.exitcalls.length === 1 ? { exit: hooks.exitcalls[0]! } : {}),
      bytes: measure(graph, roles, code),
      exports: [...code.units].reduce((sum, unit) => sum + (exported.get(unit)?.size ?? 0), 0),
    };
  });
}

/** It has one initcall and one exit function then. */
export function isAutomatic(one: ClassifiedModule): one is AutomaticModule {
  return one.class !== undefined && one.class !== "library" && one.obstacle === undefined;
}

function classOf(hooks: Hooks, used: readonly Registrar[]): ModuleClass | undefined {
  if (hooks.initcalls.length + hooks.exitcalls.length + hooks.others.length === 0) return "library";
  const classes = new Set(used.map((one) => one.class));
  const strongest = (["feature", "infrastructure", "driver"] as const).find((one) => classes.has(one));
  return strongest ?? (classes.size > 0 ? "infrastructure" : undefined);
}

function judge(
  graph: Graph,
  code: ModuleCode,
  { initcalls, exitcalls, others }: Hooks,
  otherModule: string | undefined,
): { obstacle?: Obstacle; used: readonly Registrar[] } {
  const reaches = initcalls.map((part) => collectReach(graph, code, part));
  const used = [
    ...new Set(
      reaches.flatMap(({ functions }) => [...functions.keys()].flatMap((name) => findRegistrar(name) ?? [])),
    ),
  ];
  const stop = (obstacle: Obstacle) => ({ obstacle, used });
  if (otherModule !== undefined) return stop({ kind: "shared", name: otherModule });
  if (initcalls.length + exitcalls.length + others.length === 0) return { used };
  if (others.length > 0) return stop({ kind: "hook", name: others[0]! });
  if (initcalls.length === 0) return stop({ kind: "no-init" });
  if (initcalls.length > 1) return stop({ kind: "several-initcalls" });
  if (exitcalls.length === 0) return stop({ kind: "no-exit" });
  if (exitcalls.length > 1) return stop({ kind: "several-exitcalls" });
  const { functions, counts, data, indirect } = reaches[0]!;
  if (indirect.length > 0) return stop({ kind: "indirect", name: indirect[0]! });
  for (const [name, edge] of functions)
    if (findRegistrar(name) === undefined && !isHarmless(name)) return stop({ kind: "calls", name, edge });
  for (const [name, edge] of data) if (!onlyRead.has(name)) return stop({ kind: "touches", name, edge });
  const undone = collectReach(graph, code, exitcalls[0]!).counts;
  const count = (calls: ReadonlyMap<string, number>, names: string) =>
    sum(names.split(" ").map((name) => calls.get(name) ?? 0));
  for (const [name, edge] of functions) {
    const registrar = findRegistrar(name);
    if (registrar === undefined) continue;
    // Memory may be freed in a loop; each driver is registered, and taken back, by a call of its own.
    const least = registrar.class === "driver" ? count(counts, registrar.names) : 1;
    if (count(undone, registrar.undo) < least) return stop({ kind: "not-undone", name, edge });
  }
  return { used };
}

function measure(graph: Graph, roles: readonly Role[], { units }: ModuleCode): Record<Kind, number> {
  const bytes = { text: 0, rodata: 0, data: 0, bss: 0 };
  for (const unit of units)
    if (roles[unit] === "plain") bytes[kindOfSection(sectionOf(graph, unit))] += sectionOf(graph, unit).size;
  return bytes;
}

/** By unit: the offsets in it that modules may use. */
function findExported(graph: Graph, roles: readonly Role[]): ReadonlyMap<UnitId, ReadonlySet<number>> {
  const found = new Map<UnitId, Set<number>>();
  for (let unit = 0; unit < graph.unitCount; unit++) {
    if (roles[unit] !== "exports") continue;
    for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++) {
      const { to, targetOffset } = describeEdge(graph, edge);
      if (to >= 0) found.set(to, (found.get(to) ?? new Set()).add(targetOffset));
    }
  }
  return found;
}

/** Why a module is not automatic, for people: with what stands in the way. */
export function describeObstacle(obstacle: Obstacle): string {
  switch (obstacle.kind) {
    case "no-init":
      return "it has no initcall";
    case "no-exit":
      return "it has no exit function";
    case "several-initcalls":
      return "it has several initcalls";
    case "several-exitcalls":
      return "it has several exit functions";
    case "hook":
      return `the kernel calls it by ${obstacle.name} too`;
    case "indirect":
      return `its init code calls through a pointer in ${obstacle.name}()`;
    case "shared":
      return `it shares an object with ${obstacle.name}`;
    case "calls":
      return `its init code reaches ${obstacle.name}()`;
    case "touches":
      return `its init code refers to ${obstacle.name}`;
    case "not-undone":
      return `its exit function does not undo ${obstacle.name}()`;
  }
}
