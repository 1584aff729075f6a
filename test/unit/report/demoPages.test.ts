// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { type DemoResult, writeDemoPages } from "../../../src/report/demoPages.js";

const component = (name: string, state: "planned" | "not-built", text: number) => ({
  ...({
    name,
    title: name,
    state,
    canAppear: "never",
    after: [],
    needs: [],
    hasPadding: false,
  } as const),
  ...{ owned: { text, rodata: 10 }, leaving: { text: text - 1 }, gates: 3 },
});
const region = (owners: string[], kind: "text" | "rodata", pages: number) => ({
  ...{ name: "00", kind, owners, bytes: 4096 * pages - 96, pages, units: 1 },
});

const result: DemoResult = {
  plan: {
    components: [
      component("a", "planned", 5000),
      component("b", "planned", 4000),
      component("c", "not-built", 0),
    ],
    regions: [region(["a"], "text", 2), region(["a"], "rodata", 1), region(["a", "b"], "text", 1)],
  },
  machines: [
    {
      machine: "q35",
      components: [
        { component: "a", state: "jettisoned", reason: "not-in-use", pages: 3, bytes: 12288 },
        { component: "b", state: "kept", reason: "in-use", pages: 1, bytes: 4096 },
      ],
      ...{ pagesFreed: 3, memTotalOff: 1024 * 1000, memTotalOn: 1024 * 1012 },
      selftest: { pages: 3, failures: 0 },
    },
  ],
  measuredWith: "Linux 6.12, gcc 12",
};

test("pages of every kind are a component's own or shared, and what was not built is left out", () => {
  const answers = writeDemoPages(result)["docs/answers.md"]!.split("\n");
  expect(answers.filter((line) => /^\| [abc]\b/.test(line))).toEqual([
    "| a | 5,000 | 10 | 0 | 0 | 4,999 | 3 | 3 |",
    "| b | 4,000 | 10 | 0 | 0 | 3,999 | 0 | 3 |",
    "| a + b |  |  |  |  | 4,000 | 1 |  |",
  ]);
  expect(answers).toContain("| q35 | a | b | 3 | 1,000 | 1,012 | 12 |");
  expect(answers).toContain("Linux 6.12, gcc 12.");
});
