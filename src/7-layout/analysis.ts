// SPDX-License-Identifier: Apache-2.0
import type { Graph } from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";
import type { Claims } from "../3-component/claim.js";
import type { TestSymbols } from "../3-component/testSymbols.js";
import type { Ownership } from "../5-ownership/owners.js";
import type { Boundary } from "../6-boundary/boundary.js";
import type { Region } from "./regions.js";

/** All that is decided about a link. */
export interface Analysis {
  readonly graph: Graph;
  readonly roles: readonly Role[];
  readonly claims: Claims;
  readonly testSymbols: TestSymbols;
  readonly ownership: Ownership;
  readonly boundary: Boundary;
  readonly regions: readonly Region[];
  /** Automatic built-in modules that are no components, by their paths, and why. */
  readonly setAside: ReadonlyMap<string, string>;
}
