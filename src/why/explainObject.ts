// SPDX-License-Identifier: Apache-2.0

import { sectionOf, type UnitId } from "../1-graph/graph.js";
import { kindOfSection } from "../elf/kind.js";
import type { PlannedBuild } from "../passes.js";
import { sum } from "../sum.js";
import { type Explainer, membersOf, type UnitAnswer } from "./explainUnit.js";

type Verdict = UnitAnswer["verdict"];

export interface ObjectAnswer {
  readonly object: string;
  readonly verdicts: readonly { readonly verdict: Verdict; readonly units: number; readonly bytes: number }[];
  /** Largest first. */
  readonly units: readonly (Pick<UnitAnswer, "kind" | "bytes" | "owners" | "verdict"> & {
    readonly section: string;
  })[];
  /** The unit with the shortest chain among those that stay and have one. */
  readonly nearest?: UnitAnswer;
}

export async function explainObject(
  planned: PlannedBuild,
  object: string,
  ids: readonly UnitId[],
  explainer: Explainer,
): Promise<ObjectAnswer> {
  const { graph } = planned;
  const units = ids.map((unit) => {
    const { name, size } = sectionOf(graph, unit);
    const kind = kindOfSection(sectionOf(graph, unit));
    const owners = membersOf(planned, unit);
    return { unit, section: name, kind, bytes: size, owners, verdict: explainer.verdictOf(unit) };
  });
  const verdicts = (["stays", "leaves", "boot", "none"] as const).flatMap((verdict) => {
    const some = units.filter((one) => one.verdict === verdict);
    return some.length === 0
      ? []
      : [{ verdict, units: some.length, bytes: sum(some.map(({ bytes }) => bytes)) }];
  });
  const staying = units
    .filter(({ verdict }) => verdict === "stays")
    .map(({ unit }) => ({ unit, length: explainer.lengthOfChain(unit) }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => a.length - b.length)[0];
  return {
    object,
    verdicts,
    units: units.sort((a, b) => b.bytes - a.bytes).map(({ unit: _, ...rest }) => rest),
    ...(staying === undefined ? {} : { nearest: await explainer.explain(staying.unit) }),
  };
}
