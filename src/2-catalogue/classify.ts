// SPDX-License-Identifier: Apache-2.0
import { type Graph, sectionOf } from "../1-graph/graph.js";
import { type Role, roleOf } from "./sections.js";

/** The role of every unit, by the catalogue. */
export function classifyUnits(graph: Graph): readonly Role[] {
  const roles = new Array<Role>(graph.unitCount);
  for (let unit = 0; unit < graph.unitCount; unit++) roles[unit] = roleOf(sectionOf(graph, unit));
  return roles;
}
