// SPDX-License-Identifier: Apache-2.0
/** How a fleet wants regions packed: `packing` in a manifest, as `jettison pack` writes it (docs/packing.md). */
import { readFileSync } from "node:fs";
import { diagnose, failIfAny } from "../diagnostics.js";
import type { Kind } from "../elf/kind.js";
import { checkManifest } from "./manifestDocument.js";

export interface Packing {
  /** Components that leave together or not at all. */
  readonly together: readonly (readonly string[])[];
  /** Regions that are not worth their pages, and some that are though they are small. */
  readonly stay: readonly PackedRegionName[];
  readonly leave: readonly PackedRegionName[];
}

export interface PackedRegionName {
  readonly kind: Kind;
  /** All that have to leave before it does. */
  readonly of: readonly string[];
}

export const noPacking: Packing = { together: [], stay: [], leave: [] };

/** The packing of all files. Throws `manifest-invalid` if a component would be in two bundles. */
export function readPacking(files: readonly string[]): Packing {
  const placeByName = new Map<string, string>();
  const packings = files.map((file) => {
    const { data, places } = checkManifest(readFileSync(file, "utf8"));
    const packing = data?.packing;
    failIfAny(
      (packing?.together ?? []).flatMap((bundle, index) =>
        bundle.flatMap((name, at) => {
          const earlier = placeByName.get(name);
          const { line, column } = places.of(["packing", "together", index, at]);
          placeByName.set(name, `${file}:${line}`);
          if (earlier === undefined) return [];
          const what = `${name} leaves together with others already, at ${earlier}`;
          return [diagnose("manifest-invalid", { file, line, column, what })];
        }),
      ),
    );
    return packing ?? {};
  });
  return {
    together: packings.flatMap(({ together }) => together ?? []),
    stay: packings.flatMap(({ stay }) => stay ?? []),
    leave: packings.flatMap(({ leave }) => leave ?? []),
  };
}
