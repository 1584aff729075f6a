// SPDX-License-Identifier: Apache-2.0
import { referenceKind, type UnitId } from "../1-graph/graph.js";
import type { Role } from "./rows.js";

/** Roles whose references keep nothing. */
export const keepsNothing: ReadonlySet<Role> = new Set<Role>(["describes", "discarded"]);

/** Whether a reference keeps what it leads to, once the kernel has booted. */
export const isKeeping = (roles: readonly Role[], from: UnitId, kind: number) =>
  !keepsNothing.has(roles[from]!) && !(roles[from] === "init" && kind === referenceKind.branch);
