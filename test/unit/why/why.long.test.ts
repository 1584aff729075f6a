// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../../src/root.js";
import type { Answer } from "../../../src/why/explain.js";
import { useMiniKernel } from "../../support/miniature.js";

const far = `
  __attribute__((used)) static const long far[400] = { 7, 8, 9, 10 };
  long gadget_far(long i) { asm("mov far - 3120(,%0,8), %0" : "+r"(i)); return i; }`;
const kernel = useMiniKernel({ "drivers/gadget/far.c": far }, ["-g"]);

const jettison = (folder: string, ...args: string[]) =>
  spawnSync(join(projectRoot, "bin/jettison"), args, { cwd: folder, encoding: "utf8" });

function why(folder: string, name: string): Answer {
  const { stdout, stderr } = jettison(folder, "why", ".", name, "--components", "components.yaml", "--json");
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Answer;
}

function answerOf(folder: string, name: string) {
  const answer = why(folder, name);
  if (answer.kind !== "units") throw new Error(`${name} is taken for a ${answer.kind}`);
  return answer.answers[0]!;
}

test("a function: the chain that keeps it, with places and, from debug information, lines", () => {
  const folder = kernel();
  const kept = answerOf(folder, "deeper");
  expect(kept).toMatchObject({ unit: "init/main.o:(.text.deeper)", verdict: "stays", owners: [] });
  expect(kept.root).toMatchObject({ unit: "init/main.o:(.ref.text)" });
  expect(kept.chain.map(({ from, to, kind }) => [from, kind, to])).toEqual([
    ["init/main.o:(.ref.text)", "branch", "init/main.o:(.text.deep)"],
    ["init/main.o:(.text.deep)", "branch", "init/main.o:(.text.deeper)"],
  ]);
  for (const { source } of kept.chain) expect(source).toMatch(/^init\/main\.c:\d+$/);

  const leaving = answerOf(folder, "gadget_work");
  expect(leaving).toMatchObject({ verdict: "leaves", owners: ["gadget"], chain: [] });
  expect(leaving.gates).toMatchObject([{ symbol: "jettison_gate_gadget_work", answer: "-ENODEV" }]);
  expect(leaving.gates[0]!.crossings.map(({ from }) => from)).toEqual(["init/main.o:(.text.deeper)"]);

  const helper = answerOf(folder, "helper");
  expect(helper).toMatchObject({ verdict: "leaves", owners: ["gadget"] });
  expect(helper.chain.map(({ from }) => from)).toEqual(["drivers/gadget/gadget.o:(.text.local_work)"]);

  expect(answerOf(folder, "widget_work")).toMatchObject({ verdict: "stays", owners: ["widget"] });
  expect(answerOf(folder, "gadget_init")).toMatchObject({ verdict: "boot" });
});

test("data that its own code addresses from far beside it: that it is pinned for this, and by whom", () => {
  const folder = kernel();
  const pinned = answerOf(folder, "drivers/gadget/far.o:(.rodata.far)");
  expect(pinned).toMatchObject({ verdict: "stays", owners: ["gadget"] });
  expect(pinned.because).toMatch(/is pinned: code uses an address far beside it/);
  expect(pinned.chain.map(({ from }) => from)).toEqual(["drivers/gadget/far.o:(.text.gadget_far)"]);
  const component = why(folder, "gadget");
  if (component.kind !== "component") throw new Error("a component is expected");
  expect(component.answer.staying.map(({ because }) => because).join()).toMatch(/an address far beside it/);
  expect(component.answer.changes.map(({ what }) => what).join()).toMatch(
    /gadget_far\) count from the start of \.rodata\.far: .* 3120 bytes outside/,
  );
});

test("a component: what is gated, why it is refused, and what would free more", () => {
  const folder = kernel();
  const refused = why(folder, "widget");
  if (refused.kind !== "component") throw new Error("a component is expected");
  expect(refused.answer.refusal!.chain.map(({ from }) => from)).toEqual([
    "init/main.o:(.ref.text)",
    "init/main.o:(.text.deep)",
  ]);
  expect(refused.answer.changes[0]!.what).toMatch(/widget_work.*gates.*components\.yaml/);
  const planned = why(folder, "gadget");
  if (planned.kind !== "component") throw new Error("a component is expected");
  expect(planned.answer.gates.map((gate) => gate.function).sort()).toEqual(["gadget_name", "gadget_work"]);

  const { stdout, status } = jettison(folder, "why", ".", "widget", "--components", "components.yaml");
  expect(status).toBe(0);
  expect(stdout).toMatch(/Refused: .*widget_work.*no answer/);
  expect(stdout).toMatch(/Changes that would free more/);
});

test("an object: what of it stays and leaves, and what keeps it by the fewest references", () => {
  const answer = why(kernel(), "init/main.o");
  if (answer.kind !== "object") throw new Error("an object is expected");
  expect(answer.answer.verdicts.find(({ verdict }) => verdict === "stays")!.units).toBeGreaterThan(2);
  expect(answer.answer.nearest!.chain).toHaveLength(1);
});

test("a name that nothing has ends with 2 and the nearest ones; so does a folder that is no build", () => {
  const folder = kernel();
  const unknown = jettison(folder, "why", ".", "gadget_wrok", "--components", "components.yaml");
  expect(unknown.status).toBe(2);
  expect(unknown.stderr).toMatch(/gadget_work.*\[name-unknown\]/s);
  const nowhere = jettison(folder, "why", "drivers", "gadget");
  expect(nowhere.status).toBe(2);
  expect(nowhere.stderr).toContain("[build-unusable]");
});
