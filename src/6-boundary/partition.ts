// SPDX-License-Identifier: Apache-2.0

import type { Graph } from "../1-graph/graph.js";
import type { Role } from "../2-catalogue/sections.js";
import type { Claims } from "../3-component/claim.js";
import type { Ownership } from "../5-ownership/owners.js";

/** A graph, and the owners of its units: the input of a boundary. */
export interface Partition {
  readonly graph: Graph;
  readonly roles: readonly Role[];
  readonly claims: Claims;
  readonly ownership: Ownership;
}
