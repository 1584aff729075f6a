// SPDX-License-Identifier: Apache-2.0
/**
 * A folder of test/cases is a case: sources, `components.yaml`, `case.json`, and what has to come of them in `expected.json`.
 * `npx vitest run --project unit test/unit/8-link/cases.test.ts -u` writes the last.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../../src/root.js";
import { command, kernelFlags } from "../../support/compile.js";
import {
  buildCase,
  kernelArguments,
  linkMiniature,
  listCases,
  planOf,
  readCase,
  runLinker,
} from "../../support/miniature.js";

/** Nothing here depends on the compiler's version, as sizes do. */
function describeLink(folder: string) {
  const { components, regions, units, gates, pins, refusals } = planOf(folder);
  return {
    components: components.map(({ name, state }) => ({ name, state })),
    regions: regions.map(({ name, kind, owners }) => ({
      kind,
      owners,
      units: units
        .filter(({ region }) => region === name)
        .map(({ object, section }) => `${object}:(${section})`)
        .sort(),
    })),
    gates: gates.map(({ function: name, answer }) => `${name}: ${answer}`).sort(),
    pins: pins.map(({ unit }) => unit).sort(),
    refusals: refusals.map(({ component, text }) => `${component}: ${text}`).sort(),
  };
}

test.each(listCases())("test/cases/%s is linked, proved and run as expected", async (name) => {
  const { files, isProgram } = readCase(name);
  const folder = isProgram
    ? buildCase(name)
    : buildCase(name, {}, { code: kernelFlags, flags: ["-fno-inline"] });
  const linked = linkMiniature(folder);
  expect(linked.status, linked.stderr).toBe(0);
  const found = { ...describeLink(folder), stderr: linked.stderr.split("\n").filter((line) => line !== "") };
  if (files["vmlinux.lds"] !== undefined) {
    const { status, stderr } = runLinker(folder, kernelArguments);
    expect(status, stderr).toBe(0);
  }
  const output = isProgram ? runProgram(folder) : undefined;
  const json = JSON.stringify({ ...found, ...(output === undefined ? {} : { output }) }, null, 2);
  // Where in a function a call lies is the compiler's.
  const text = `${json.replace(/\+0x[0-9a-f]+ /g, "+… ")}\n`;
  await expect(text).toMatchFileSnapshot(join(projectRoot, "test/cases", name, "expected.json"));
});

function runProgram(folder: string): string[] {
  command(folder, "gcc", "-static", "-no-pie", "-o", "program", "vmlinux.o");
  return command(folder, "./program").trimEnd().split("\n");
}
