// SPDX-License-Identifier: Apache-2.0
import type { Role } from "../catalogue/sections.js";
import type { Claims } from "../component/claim.js";
import type { Graph } from "../graph/graph.js";
import type { Ownership } from "../ownership/owners.js";

/** A graph, and whom its units serve: what a boundary is drawn in. */
export interface Partition {
  readonly graph: Graph;
  readonly roles: readonly Role[];
  readonly claims: Claims;
  readonly ownership: Ownership;
}
