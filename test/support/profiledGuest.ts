// SPDX-License-Identifier: Apache-2.0
/** A guest whose profile is collected by the script that people run, with what the same boot freed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Machine } from "../../src/machine/machine.js";
import type { Prediction } from "../../src/predict/predict.js";
import { type Facts, readFacts } from "../../src/profile/facts.js";
import { projectRoot } from "../../src/root.js";
import { findFaults, runGuest } from "./guest/guest.js";

/** A line of the kernel's log is shorter than a profile. */
const script = `
/profile.sh --name machine >/tmp/profile 2>/tmp/trouble
while read -r line; do say "trouble $line"; done </tmp/trouble
fold -w 500 /tmp/profile | while IFS= read -r part || [ -n "$part" ]; do say "part [$part]"; done
say "pages $(cat $J/pages)"
for folder in $J/*/; do say "component $(basename $folder) $(cat $folder/state)"; done
`;

export interface ProfiledBoot {
  /** As the script printed it. */
  readonly profile: string;
  readonly facts: Facts;
  readonly pages: number;
  readonly states: Readonly<Record<string, string>>;
}

export async function profileGuest(
  bzImage: string,
  machine: Machine,
  log: string,
  append = "",
): Promise<ProfiledBoot> {
  const { lines, said, isDone } = await runGuest({
    ...{ bzImage, machine, script, log, append, timeout: 900_000 },
    files: { "profile.sh": readFileSync(join(projectRoot, "runtime/profile/profile.sh")) },
  });
  expect(isDone, lines.slice(-20).join("\n")).toBe(true);
  expect(findFaults(lines)).toBeUndefined();
  const sayings = (key: string) =>
    said.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  expect(sayings("trouble")).toEqual([]);
  const profile = sayings("part")
    .map((part) => part.slice(1, -1))
    .join("");
  const read = readFacts(JSON.parse(profile));
  if ("what" in read) throw new Error(`${read.what}: ${profile}`);
  return {
    profile,
    facts: read.facts,
    pages: Number(sayings("pages")[0]),
    states: Object.fromEntries(sayings("component").map((line) => line.split(" "))) as Record<string, string>,
  };
}

/** The same pages, and the same fate of each component. */
export function expectAgreement(prediction: Prediction, { profile, pages, states }: ProfiledBoot): void {
  const fates = Object.fromEntries(
    prediction.components.map(({ component, outcome }) => [component, outcome]),
  );
  const freed = Object.fromEntries(
    Object.entries(states).map(([component, state]) => [
      component,
      state === "jettisoned" ? "leaves" : "stays",
    ]),
  );
  expect(fates, profile).toEqual(freed);
  expect(prediction.pages, profile).toEqual({ min: pages, max: pages });
}
