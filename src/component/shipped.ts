// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { projectRoot } from "../root.js";

/** The manifests that come with Jettison. */
export const shippedManifests: readonly string[] = ["hypervisor", "iommu", "layout"].map((name) =>
  join(projectRoot, "components", `${name}.yaml`),
);
