// SPDX-License-Identifier: Apache-2.0
/**
 * A folder of test/cases is a case: sources, `components.yaml`, `case.json`, and what has to come of them in `expected.json`.
 * `npx vitest run --project unit test/unit/8-link/cases.test.ts -u` writes the last.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { loadImage } from "../../../src/elf/load.js";
import { symbolName, symbolsOf } from "../../../src/elf/object.js";
import { projectRoot } from "../../../src/root.js";
import { command, kernelFlags } from "../../support/compile.js";
import {
  buildCase,
  buildMiniKernel,
  jettison,
  kernelArguments,
  linkMiniature,
  listCases,
  planOf,
  readCase,
  runLinker,
  sectionsOf,
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

/** By what of LLVM chooses them, as for kbuild. All have to come to the same. */
describe.each([
  ["gcc and GNU ld", "", "GCC"],
  ["clang and ld.lld", "-19", "clang version 19"],
])("%s", (_, llvm, maker) => {
  beforeEach(() => void vi.stubEnv("LLVM", llvm));
  afterEach(() => void vi.unstubAllEnvs());

  test.each(listCases())("test/cases/%s is linked, proved and run as expected", async (name) => {
    const { files, isProgram } = readCase(name);
    const folder = isProgram
      ? buildCase(name)
      : buildCase(name, {}, { code: kernelFlags, flags: ["-fno-inline"] });
    const linked = linkMiniature(folder);
    expect(command(folder, "readelf", "-p", ".comment", "vmlinux.o")).toContain(maker);
    expect(linked.status, linked.stderr).toBe(0);
    const found = {
      ...describeLink(folder),
      stderr: linked.stderr.split("\n").filter((line) => line !== ""),
    };
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
});

function runProgram(folder: string): string[] {
  command(folder, "gcc", "-static", "-no-pie", "-o", "program", "vmlinux.o");
  return command(folder, "./program").trimEnd().split("\n");
}

test("clang's compound literals lie with other variables", () => {
  vi.stubEnv("LLVM", "-19");
  onTestFinished(() => void vi.unstubAllEnvs());
  const changes = {
    "lib/helper.c": `${readCase("kernel").files["lib/helper.c"]}
      struct literal { int a; } *literal = &(struct literal){ 7 }, *others[] = { &(struct literal){ 0 }, &(struct literal){ 1 } };`,
  };
  const folder = buildCase("kernel", changes, { code: kernelFlags, flags: ["-fno-inline"] });
  expect(sectionsOf(folder, "lib/helper.o")).toContain(".data..compoundliteral");
  expect(linkMiniature(folder).stderr).not.toContain("error");
  expect(sectionsOf(folder, "vmlinux.o").filter((name) => name.includes("literal"))).toEqual([]);
});

test("the proof finds a changed gate in what clang and ld.lld made", () => {
  vi.stubEnv("LLVM", "-19");
  onTestFinished(() => void vi.unstubAllEnvs());
  const folder = buildMiniKernel();
  expect(jettison(folder, "verify", ".").status).toBe(0);
  const file = join(folder, "vmlinux");
  const image = loadImage("vmlinux", file);
  const gate = symbolsOf(image).find((one) => symbolName(image, one) === "jettison_gate_gadget_work")!;
  const section = image.symbols.sectionIndex[gate]!;
  const at = image.sections[section]!.offset + image.symbolAddress[gate]! - image.sectionAddress[section]!;
  const bytes = readFileSync(file);
  expect(bytes.toString("hex", at, at + 2)).toBe("803d"); // cmpb $0, ...(%rip)
  bytes[at + 6]! ^= 1;
  writeFileSync(file, bytes);
  const { status, stderr } = jettison(folder, "verify", ".");
  expect(status).toBe(1);
  expect(stderr).toContain("jettison_gate_gadget_work");
});

test("bitcode is no object that can be linked", () => {
  vi.stubEnv("LLVM", "-19");
  onTestFinished(() => void vi.unstubAllEnvs());
  const folder = buildCase("kernel", {}, { code: [...kernelFlags, "-flto=thin"] });
  const { status, stderr } = linkMiniature(folder);
  expect(status).toBe(2);
  expect(stderr).toContain("drivers/gadget/gadget.o: it is LLVM bitcode");
  expect(stderr).toContain("CONFIG_LTO_CLANG");
});
