// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses of a component that its manifest lets init code store: each single reference is listed in `claims.json`, by
 * function and target, and the proof lets no other pass.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readClaims } from "../../../src/9-verify/claims.js";
import { command, temporaryFolder, writeFiles } from "../../support/compile.js";
import { codesOf } from "../../support/diagnosed.js";
import { runLinker } from "../../support/miniature.js";
import {
  finalArguments,
  finalInputs,
  type Kernel,
  linkKernel,
  registeringProgram,
  removeKernel,
  verifyPlanted,
} from "../../support/verifyKernel.js";

let kernel: Kernel;
beforeAll(() => {
  kernel = linkKernel(registeringProgram);
});
afterAll(() => removeKernel(kernel));

const forms = ["object", "image", "finished", "bare"] as const;
const stored = "stored only when in use";

const initCode = (name: string, code: string, section = ".init.text") =>
  `.section ${section}, "ax"\n.type ${name}, @function\n${name}:\n${code}\nret\n.size ${name}, . - ${name}`;
const initData = (name: string, data: string, section = ".init.data") =>
  `.section ${section}, "aw"\n.balign 8\n.type ${name}, @object\n${name}:\n${data}\n.size ${name}, . - ${name}`;

test("the claims name each reference by function, section, target and region", () => {
  const text = kernel.regions.find(({ kind, owners }) => kind === "text" && owners[0] === "gadget")!.name;
  const rodata = kernel.regions.find(({ kind }) => kind === "rodata")!.name;
  const from = { section: ".init.text", from: "gadget_register" };
  expect(kernel.claims.allowances).toEqual([
    { ...from, region: text, to: "gadget_late", count: 2 },
    { ...from, region: rodata, to: "", count: 1 },
  ]);
});

test("the kernel passes by these, in every form", () => {
  const levels = verifyPlanted(kernel, undefined);
  for (const form of forms) {
    const { violations, misplaced, harmless } = levels[form];
    expect({ form, violations, misplaced, stored: harmless[stored] }).toEqual({
      ...{ form, violations: [], misplaced: [], stored: 3 },
    });
  }
});

test.each([
  ["a stranger's init code", initCode("stranger", "movq $gadget_filler, kept")],
  ["a stranger's init code, PC-relative", initCode("stranger", "lea gadget_filler(%rip), %rax")],
  ["a stranger's init data", initData("stranger", ".quad gadget_filler")],
  ["a stranger's option", initData("stranger", ".quad gadget_filler", ".init.setup")],
  ["another function's exit code", initCode("stranger", "movq $gadget_filler, kept", ".exit.text")],
  [
    "a function of the same name, and another target",
    initCode("gadget_register", "movq $gadget_filler, kept"),
  ],
  ["data of the same name", initData("gadget_register", ".quad gadget_filler")],
])("%s that stores an address of the component does not pass", (_, assembly) => {
  const levels = verifyPlanted(kernel, assembly);
  for (const form of forms) {
    const { violations } = levels[form];
    expect([form, ...violations.map(({ to }) => to)]).toEqual([
      form,
      expect.stringMatching(/gadget_filler|jettison/),
    ]);
    expect(violations[0]!.from).toMatch(/\((stranger|gadget_register)\)$/);
  }
});

test("nor does one more than is listed, nor the same from another section", () => {
  const late = kernel.claims.allowances.find(({ to }) => to === "gadget_late")!;
  const others = kernel.claims.allowances.filter((one) => one !== late);
  for (const changed of [
    [{ ...late, count: 1 }],
    [
      { ...late, section: ".exit.text", count: 1 },
      { ...late, count: 1 },
    ],
    [
      { ...late, to: "gadget_filler", count: 1 },
      { ...late, count: 1 },
    ],
  ]) {
    const claims = { ...kernel.claims, allowances: [...others, ...changed] };
    const levels = verifyPlanted({ ...kernel, claims }, undefined);
    for (const form of forms) expect([form, ...levels[form].violations]).toHaveLength(2);
  }
});

test("the link fails when a stranger does it", () => {
  const { folder } = kernel;
  writeFiles(folder, { "stray.S": initCode("stray", "movq $gadget_filler, kept") });
  command(folder, "gcc", "-c", "-o", "stray.o", "stray.S");
  const { status, stderr } = runLinker(folder, finalArguments([...finalInputs, "stray.o"]));
  expect(stderr).toMatch(/\(stray\) may outlive its target: .*\(gadget_filler\).*reference-outlives/);
  expect(status).toBe(1);
});

test("claims that say anything else are refused", () => {
  const file = join(temporaryFolder(), "claims.json");
  const good = JSON.parse(readFileSync(join(kernel.folder, ".jettison/claims.json"), "utf8")) as Record<
    string,
    unknown
  >;
  const read = (text: string) => {
    writeFileSync(file, text);
    return codesOf(() => readClaims(file));
  };
  const tell = (changes: object) => read(JSON.stringify({ ...good, ...changes }));
  expect(tell({})).toEqual([]);
  const [region] = good.regions as object[];
  const [allowance] = good.allowances as object[];
  for (const changes of [
    { version: 2 },
    { version: undefined },
    { allowAll: true },
    { regions: undefined },
    { regions: [region, region] },
    { regions: [{ ...region, owners: [] }] },
    { regions: [{ ...region, pages: 0 }] },
    { regions: [{ ...region, kind: "padding" }] },
    { regions: [{ ...region, registersWhenInUse: true }] },
    { padding: [{ page: 1.5, pages: 1 }] },
    { allowances: [{ ...allowance, count: -1 }] },
    { allowances: [{ ...allowance, region: "99" }] },
    { allowances: [{ ...allowance, from: undefined }] },
  ])
    expect([changes, tell(changes)]).toEqual([changes, ["claims-invalid"]]);
  expect(read("{")).toEqual(["claims-invalid"]);
  expect(read("[]")).toEqual(["claims-invalid"]);
});

test("a constant that init code stores counts for the array that it goes to, not for the one before it", () => {
  const arrays = registeringProgram["drivers/gadget.c"]!.replace(
    "const char *kept_name;",
    `static int (*first[80])(int) = { gadget_late }, (*second[80])(int) = { gadget_late },
       (*third[80])(int) = { gadget_late };
     int (*gadget_choose(int x))(int) { return first[x] ? first[x] : second[x] ? second[x] : third[x]; }
     const char *kept_name;`,
  ).replace(
    "kept = gadget_late;",
    "second[0] = gadget_late; first[0] = gadget_late; third[0] = gadget_late; kept = gadget_late;",
  );
  const other = linkKernel({ ...registeringProgram, "drivers/gadget.c": arrays });
  try {
    const counts = Object.fromEntries(other.claims.allowances.map(({ to, count }) => [to, count]));
    expect(counts).toMatchObject({ first: 1, second: 1, third: 1 });
    for (const form of forms) expect(verifyPlanted(other, undefined)[form].violations).toEqual([]);
  } finally {
    removeKernel(other);
  }
});
