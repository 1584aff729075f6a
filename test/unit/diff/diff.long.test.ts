// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { comparePlans, isSame } from "../../../src/diff/diff.js";
import type { Plan } from "../../../src/plan/plan.js";
import { readPlan } from "../../../src/plan/readPlan.js";
import { projectRoot } from "../../../src/root.js";
import { temporaryFolder } from "../../support/compile.js";
import { readCase, useMiniKernel } from "../../support/miniature.js";

const older = useMiniKernel();
/** The driver grew, its helper is now needed by the core, the widget is no longer refused. */
const newer = useMiniKernel({
  "lib/helper.c": `
    int helper(int x) { int sum = 0; for (int i = 0; i < x; i++) sum += i * x ^ sum; return sum; }
    __attribute__((section(".ref.text"))) int user(int x) { return helper(x); }`,
  "components.yaml": `${readCase("kernel").files["components.yaml"]}    gates: { widget_work: 0 }\n`,
  "drivers/widget.c": `
    int widget_in_use;
    int widget_work(int x) { asm volatile(".skip 900, 0x90"); return x + widget_in_use; }`,
});
let before: Plan;
let after: Plan;
beforeAll(() => {
  before = readPlan(older());
  after = readPlan(newer());
});

function runDiff(...args: string[]) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.json"), JSON.stringify(before));
  writeFileSync(join(folder, "b.json"), JSON.stringify(after));
  return {
    folder,
    run: (budgets?: string) => {
      if (budgets !== undefined) writeFileSync(join(folder, "jettison.yaml"), budgets);
      return spawnSync(join(projectRoot, "bin/jettison"), ["diff", "a.json", "b.json", ...args], {
        cwd: folder,
        encoding: "utf8",
      });
    },
  };
}

test("components that grew, code that changed owners, gates and refusals", () => {
  const diff = comparePlans(before, after);
  const widget = diff.components.find(({ component }) => component === "widget")!;
  expect(widget).toMatchObject({
    stateBefore: "refused",
    stateAfter: "planned",
    gates: { before: 0, after: 1 },
  });
  expect(widget.text.after - widget.text.before).toBe(200);
  expect(widget.leaves.before).toBe(0);
  expect(diff.moved).toMatchObject([{ unit: "lib/helper.o:(.text.helper)", from: ["gadget"], to: [] }]);
  expect(diff.newGates.map((gate) => gate.function)).toEqual(["widget_work"]);
  expect(diff.goneRefusals).toEqual(["widget"]);
  expect(diff.units[0]).toMatchObject({ unit: "drivers/widget.o:(.text.widget_work)", owners: ["widget"] });
  expect(isSame(comparePlans(after, after))).toBe(true);
});

test("budgets: figures are printed whether they are kept or not, and the exit code tells", () => {
  const { run } = runDiff();
  const kept = run("budgets: { text: 50%, gates: 1, components: { widget: { owned: 300 } } }");
  expect(kept.status).toBe(0);
  expect(kept.stdout).toMatch(/widget\.owned +[\d,]+ +[\d,]+ +\+200 +300 +ok/);
  const over = run("budgets: { text: 1%, gates: 0, components: { widget: { owned: 100 } } }");
  expect(over.status).toBe(1);
  expect(over.stdout).toMatch(/widget\.owned +[\d,]+ +[\d,]+ +\+200 +100 +over/);
  expect(over.stderr.match(/\[over-budget\]/g)).toHaveLength(3);
});

test.each([
  ["a figure that there is none of", "budgets:\n  txt: 1%", /jettison\.yaml:1:\d+|jettison\.yaml:2:\d+/],
  ["a value that is none", "budgets:\n  text: much", /jettison\.yaml:2:9/],
  ["a component that neither plan has", "budgets: { components: { gadgt: { owned: 1 } } }", /gadget/],
  ["no YAML", "budgets: {", /jettison\.yaml:1/],
])("%s ends with 2 and its place", (_, budgets, place) => {
  const { status, stderr } = runDiff().run(budgets);
  expect(status).toBe(2);
  expect(stderr).toMatch(place);
  expect(stderr).toContain("[budgets-invalid]");
});

test("for a pull request: Markdown whose names are no markup; for programs: JSON", () => {
  const markdown = runDiff("--markdown").run("budgets: { gates: 0 }");
  expect(markdown.status).toBe(1);
  expect(markdown.stdout).toContain("1 of 1 budgets are exceeded");
  expect(markdown.stdout).toContain("widget\\_work");
  for (const table of markdown.stdout.matchAll(/(?:^\|.*\n)+/gm)) {
    const widths = table[0]
      .trimEnd()
      .split("\n")
      .map((line) => line.replaceAll("\\|", "").split("|").length);
    expect(new Set(widths).size).toBe(1);
  }
  const json = runDiff("--json").run();
  expect(JSON.parse(json.stdout)).toMatchObject({ version: 1, budgets: [], goneRefusals: ["widget"] });
});

test("the action runs the comparison, comments it and fails past a budget", () => {
  const { folder } = runDiff();
  writeFileSync(join(folder, "jettison.yaml"), "budgets: { gates: 0 }");
  const gh = join(folder, "gh");
  writeFileSync(gh, '#!/bin/sh\nprintf "%s\\n" "$@" >>gh.arguments\ncp "$GH_BODY" gh.body\n', {
    mode: 0o755,
  });
  const run = (budgets: string) => {
    writeFileSync(join(folder, "jettison.yaml"), budgets);
    return spawnSync(join(projectRoot, "action/comment"), ["a.json", "b.json"], {
      cwd: folder,
      encoding: "utf8",
      env: {
        ...process.env,
        PATH: `${folder}:${process.env.PATH}`,
        JETTISON: join(projectRoot, "bin/jettison"),
        PULL_REQUEST: "12",
        GH_BODY: join(folder, "jettison-diff.md"),
        RUNNER_TEMP: folder,
      },
    });
  };
  const over = run("budgets: { gates: 0 }");
  expect(over.stderr).toContain("[over-budget]");
  expect(over.status).toBe(1);
  expect(readFileSync(join(folder, "gh.arguments"), "utf8").split("\n").slice(0, 3)).toEqual([
    "pr",
    "comment",
    "12",
  ]);
  expect(readFileSync(join(folder, "gh.body"), "utf8")).toContain("budgets are exceeded");
  expect(run("budgets: { gates: 9 }").status).toBe(0);
  expect(run("budgets: { nonsense: 9 }").status).toBe(2);
});
