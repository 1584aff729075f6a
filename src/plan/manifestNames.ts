// SPDX-License-Identifier: Apache-2.0
import { projectRoot } from "../root.js";

/**
 * Names for manifests that do not depend on their folder, because the same inputs give the same plan: shipped manifests
 * are `components/iommu.yaml` and so on; others get the shortest end of their path that is unique.
 */
export function nameManifests(files: readonly string[]): ReadonlyMap<string, string> {
  const paths = [...new Set(files)];
  const endOf = (path: string, parts: number) => path.split("/").slice(-parts).join("/");
  const nameOf = (path: string) => {
    if (path.startsWith(projectRoot)) return path.slice(projectRoot.length);
    const depth = path.split("/").length;
    for (let parts = 1; parts < depth; parts++)
      if (paths.every((other) => other === path || endOf(other, parts) !== endOf(path, parts)))
        return endOf(path, parts);
    return path;
  };
  return new Map(paths.map((path) => [path, nameOf(path)]));
}
