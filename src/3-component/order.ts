// SPDX-License-Identifier: Apache-2.0
/**
 * The order in which components are found, and in which the kernel decides on them.
 *
 * Vertices are components; edges lead from each component to those that come before it: those of its `after`, and those that
 * need it, because it may leave only if they do not stay. Components are taken by name, each right after those that have to come
 * before it and have not come yet:
 *
 *     amd-vi (after gart), gart (after swiotlb), swiotlb, xen-swiotlb (needs swiotlb)
 *     ──▶  xen-swiotlb, swiotlb, gart, amd-vi
 *
 * Guaranteed: components that come before another have smaller numbers, and the same manifests give the same order,
 * whichever is read first.
 */
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";
import type { Component, Mention } from "./component.js";
import { nearest } from "./nearest.js";

/** Throws `manifest-invalid` for names that no manifest has, and `manifest-cycle`. */
export function orderComponents(unordered: readonly Component[]): readonly Component[] {
  const components = [...unordered].sort((a, b) => (a.name < b.name ? -1 : 1));
  const byName = new Map(components.map((component) => [component.name, component]));
  const diagnostics: Diagnostic[] = [];
  const before = new Map(components.map((component) => [component, new Set<Component>()]));
  for (const component of components) {
    const find = (mention: Mention): Component[] => {
      const other = byName.get(mention.name);
      if (other === undefined) diagnostics.push(describeStranger(component, mention, byName.keys()));
      return other === undefined ? [] : [other];
    };
    for (const other of component.after.flatMap(find)) before.get(component)!.add(other);
    for (const other of component.needs.flatMap(find)) before.get(other)!.add(component);
  }
  failIfAny(diagnostics);

  const ordered = new Set<Component>();
  // Components that wait for those behind them, each with what it still has to look at.
  const path = new Map<Component, Component[]>();
  const enter = (component: Component) => path.set(component, [...before.get(component)!]);
  for (const first of components) {
    const waiting = ordered.has(first) ? [] : [first];
    for (let component = waiting.at(-1); component !== undefined; component = waiting.at(-1)) {
      if (!path.has(component)) enter(component);
      const other = path.get(component)!.shift();
      if (other === undefined) {
        waiting.pop();
        path.delete(component);
        ordered.add(component);
      } else if (path.has(other)) {
        diagnostics.push(describeCycle(waiting.slice(waiting.indexOf(other))));
      } else if (!ordered.has(other)) waiting.push(other);
    }
  }
  failIfAny(diagnostics);
  return [...ordered];
}

function describeStranger(
  { file }: Component,
  { name, line, column }: Mention,
  known: Iterable<string>,
): Diagnostic {
  const near = nearest(name, known);
  const hint = near.length > 0 ? `: nearest ${near.join(", ")}` : "";
  return diagnose("manifest-invalid", {
    ...{ file, line, column },
    what: `no manifest describes a component ${name}${hint}`,
  });
}

/** Each step with the place that asks for it. */
function describeCycle(members: readonly Component[]): Diagnostic {
  const steps = members.map((component, index) => {
    const next = members[(index + 1) % members.length]!;
    const after = component.after.find(({ name }) => name === next.name);
    if (after !== undefined)
      return `${component.name} comes after ${next.name} (${component.file}:${after.line})`;
    const needs = next.needs.find(({ name }) => name === component.name)!;
    return `${component.name} is needed by ${next.name} (${next.file}:${needs.line})`;
  });
  return diagnose("manifest-cycle", { steps });
}
