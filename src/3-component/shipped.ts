// SPDX-License-Identifier: Apache-2.0
import { join, resolve } from "node:path";
import { projectRoot } from "../root.js";

/** The manifests that come with Jettison. */
const names = ["cpu", "hypervisor", "init-only", "iommu", "layout", "tables"];
export const shippedManifests: readonly string[] = names.map((name) =>
  join(projectRoot, "components", `${name}.yaml`),
);

export const isShipped = (manifest: string) => shippedManifests.includes(resolve(manifest));
