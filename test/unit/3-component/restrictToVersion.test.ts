// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { answerFor } from "../../../src/3-component/answer.js";
import { readManifests } from "../../../src/3-component/manifest.js";
import { restrictToVersion } from "../../../src/3-component/restrictToVersion.js";
import { buildMiniature, linkMiniature, planOf, runtime } from "../../support/miniature.js";

const folder = mkdtempSync(join(tmpdir(), "jettison-versions-"));
afterAll(() => rmSync(folder, { recursive: true }));

const manifest = join(folder, "m.yaml");
writeFileSync(
  manifest,
  `components:
  a:
    title: A
    code:
      - symbols: a_always
      - { symbols: a_old, until: "6.9" }
      - { symbols: a_new, since: "6.10" }
    inUse: { any: [{ nonZero: on }, { nonZero: old, until: "6.9" }, { not: { calls: is_new, since: "6.10" } }] }
    canAppear: never
    registers:
      - { by: f_old, until: "6.9", why: x }
      - { by: f, why: x }
    gates:
      g: [{ answer: 0, until: "6.9" }, { answer: void, since: "6.10" }]
      h: { expected: 1, since: "6.1", until: "6.1" }
`,
);

/** The components that a kernel of a version gets. */
async function partsIn(version: string | undefined) {
  const [whole] = await readManifests([manifest]);
  const component = restrictToVersion(whole!, version);
  const answer = (name: string) => answerFor(component, name)?.answer.text;
  return {
    code: component.code.flatMap(({ patterns }) => patterns).join(" "),
    registers: component.registers!.flatMap(({ by }) => by).join(" "),
    tests: JSON.stringify(component.inUse)
      .match(/"(on|old|is_new|never)"/g)!
      .join(" "),
    answers: [answer("g"), answer("h")],
  };
}

const old = { code: "a_always a_old", registers: "f_old f", tests: '"on" "old" "never"' };
const newer = {
  code: "a_always a_new",
  registers: "f",
  tests: '"on" "never" "is_new"',
  answers: ["void", undefined],
};

test.each([
  ["6.1", { ...old, answers: ["0", "1"] }],
  ["6.2", { ...old, answers: ["0", undefined] }],
  ["6.9", { ...old, answers: ["0", undefined] }],
  ["6.10", newer],
  ["7.0", newer],
  // Nothing leaves on the word of what may not be there.
  [
    undefined,
    { code: "a_always", registers: "f", tests: '"on" "old" "is_new"', answers: [undefined, undefined] },
  ],
])("what a manifest says of Linux %s", async (version, parts) => {
  expect(await partsIn(version)).toEqual(parts);
});

test("the link takes the version from the build, and holds a manifest to the names of that version", () => {
  const versioned = `components:
  driver:
    title: D
    code: [{ objects: driver.o }, { symbols: driver_renamed, since: "6.10" }]
    inUse: never
    canAppear: never
    gates:
      driver_work: [{ answer: -1, until: "6.9" }, { answer: -2, since: "6.10" }]
`;
  const program = {
    ...runtime,
    "driver.c": 'int driver_work(int x) { asm volatile(".skip 600, 0x90"); return x + 1; }',
    "main.c": "int driver_work(int); int main(void) { return driver_work(1); }",
    "components.yaml": versioned,
  };
  const linkAs = (release: string) => {
    const folder = buildMiniature({ ...program, "include/config/kernel.release": `${release}\n` });
    return { linked: linkMiniature(folder), folder };
  };
  const old = linkAs("6.9.12-amd64");
  expect([old.linked.status, old.linked.stderr]).toEqual([0, ""]);
  expect(planOf(old.folder).gates.map(({ answer }) => answer)).toEqual(["-1"]);
  expect(linkAs("6.10.0").linked.stderr).toMatch(/no symbol of this build matches driver_renamed/);
  // No version: the function has no answer, so its component stays.
  const unknown = linkAs("");
  expect(unknown.linked.stderr).toMatch(/driver is refused: .*driver_work/);
  expect(planOf(unknown.folder).gates).toEqual([]);
});
