// SPDX-License-Identifier: Apache-2.0
/** Return types of functions from a kernel's type information, and answers checked against them. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { askedFunctions, checkAnswers, checkAsked } from "../../../src/3-component/checkAnswers.js";
import { readFunctionTypes } from "../../../src/btf/functionTypes.js";
import { loadObject } from "../../../src/elf/load.js";
import {
  command,
  compileObjects,
  kernelFlags,
  sectionFlags,
  temporaryFolder,
} from "../../support/compile.js";
import { codesOf } from "../../support/diagnosed.js";
import { runLinker } from "../../support/miniature.js";
import {
  archiveMembers,
  compileProgram,
  finalArguments,
  finalInputs,
  manifest,
  program,
} from "../../support/verifyKernel.js";

const source = `
typedef unsigned long size_t;
typedef const size_t volatile odd;
struct point { long x, y, z; } origin;
enum side { left = -1, right };
void nothing(void) { }
int number(void) { return 1; }
unsigned char byte(void) { return 1; }
odd size(void) { return 1; }
_Bool truth(void) { return 1; }
_Bool true_of(int x) { return x; }
const struct point *pointer(void) { return &origin; }
struct point structure(void) { return origin; }
enum side side(void) { return left; }
static __attribute__((noinline)) int within(void) { asm(""); return 2; }
int caller(void) { return within(); }
int unknown(void);
int find(unsigned long at, struct point *out) { return out && at; }
int seek(unsigned long from, struct point *to) { return to && from; }
int find_long(unsigned long at, long *out) { return out && at; }
unsigned find_unsigned(unsigned long at, struct point *out) { return out && at; }
int find_any(unsigned long at) { return at != 0; }
`;

function loadTyped() {
  const { folder } = compileObjects({ "a.c": source }, ["-gbtf"]);
  return loadObject("a.o", join(folder, "a.o"));
}

test("return types of functions, through typedefs and qualifiers", () => {
  const types = readFunctionTypes(loadTyped())!;
  const expected = {
    nothing: { kind: "void" },
    number: { kind: "integer", bytes: 4, isSigned: true },
    byte: { kind: "integer", bytes: 1, isSigned: false },
    size: { kind: "integer", bytes: 8, isSigned: false },
    truth: { kind: "bool" },
    pointer: { kind: "pointer" },
    structure: { kind: "other" },
    side: { kind: "integer", bytes: 4, isSigned: true },
    within: { kind: "integer", bytes: 4, isSigned: true },
  };
  for (const [name, type] of Object.entries(expected))
    expect([name, types.get(name)?.map(({ returns }) => returns)]).toEqual([name, [type]]);
  expect(types.has("unknown")).toBe(false);
});

test("a file without type information says nothing", () => {
  const { folder } = compileObjects({ "a.c": source });
  expect(readFunctionTypes(loadObject("a.o", join(folder, "a.o")))).toBeUndefined();
});

test.each([
  ["nothing", "void", true],
  ["nothing", "0", false],
  ["number", "-ENODEV", true],
  ["number", "void", false],
  ["number", "4294967296", false],
  ["within.isra.0", "-5", true],
  ["byte", "255", true],
  ["byte", "-ENODEV", false],
  ["size", "-1", true],
  ["truth", "false", true],
  ["truth", "-ENODEV", false],
  ["pointer", "null", true],
  ["pointer", "-ENODEV", true],
  ["pointer", "true", false],
  ["structure", "0", false],
  ["side", "-EINVAL", true],
  ["unknown", "void", true],
])("%s() answers %s: %s", (name, answer, isRight) => {
  const types = readFunctionTypes(loadTyped())!;
  const found = checkAnswers([{ function: name, object: "a.o", answer }], types);
  expect(found.map(({ code }) => code)).toEqual(isRight ? [] : ["gate-answer-wrong"]);
});

test.each([
  ["truth", true],
  ["unknown", true],
  ["number", false],
  ["byte", false],
  ["nothing", false],
  ["pointer", false],
  ["true_of", false],
])("an inUse test that calls %s(): %s", (name, isRight) => {
  const asked = askedFunctions({
    op: "not",
    line: 3,
    of: { op: "any", line: 3, of: [{ op: "calls", symbol: name, line: 3 }] },
  });
  expect(asked).toEqual([{ function: name, line: 3 }]);
  const found = checkAsked(
    asked.map((one) => ({ ...one, file: "components.yaml" })),
    readFunctionTypes(loadTyped())!,
  );
  expect(found.map(({ code }) => code)).toEqual(isRight ? [] : ["manifest-symbol"]);
});

test.each([
  ["seek", true],
  ["find_long", false],
  ["find_unsigned", false],
  ["find_any", false],
  ["number", false],
  ["unknown", true],
])("%s() answers for find(): %s", (other, isRight) => {
  const types = readFunctionTypes(loadTyped())!;
  const found = checkAnswers([{ function: "find", object: "a.o", answer: `${other}()` }], types);
  expect(found.map(({ code }) => code)).toEqual(isRight ? [] : ["gate-function-wrong"]);
});

test("any of several functions that share a name may be meant", () => {
  const type = (kind: "void" | "pointer") => ({ returns: { kind }, parameters: 0, signature: kind });
  const types = new Map([["open", [type("void"), type("pointer")]]]);
  expect(checkAnswers([{ function: "open", object: "a.o", answer: "null" }], types)).toEqual([]);
  expect(checkAnswers([{ function: "open", object: "a.o", answer: "1" }], types)).toHaveLength(1);
});

test("damaged type information ends in a diagnostic, wherever it is damaged", () => {
  const object = loadTyped();
  const section = object.sections.find(({ name }) => name === ".BTF")!;
  let rejected = 0;
  for (let at = 0; at < section.size; at++) {
    const bytes = Buffer.from(object.bytes);
    bytes[section.offset + at]! ^= 0xff;
    const codes = codesOf(() => readFunctionTypes({ ...object, bytes }));
    expect(codes.filter((code) => code !== "elf-malformed")).toEqual([]);
    rejected += codes.length;
  }
  expect(rejected).toBeGreaterThan(20);
  // Its other fields are read from the header.
  const short = Object.create(section, { size: { value: section.size - 1 } }) as typeof section;
  const sections = object.sections.map((one) => (one === section ? short : one));
  expect(codesOf(() => readFunctionTypes({ ...object, sections }))).toEqual(["elf-malformed"]);
});

test("a link whose kernel knows the types refuses a test that calls an int, with the manifest's line", () => {
  const folder = temporaryFolder();
  const asking = manifest.replace("{ nonZero: gadget_in_use }", "{ calls: gadget_is_there }");
  const link = (type: string) => {
    compileProgram(folder, {
      ...program,
      "core.c": `${program["core.c"]}\n${type} gadget_is_there(void) { return resident_value; }`,
      "components.yaml": asking,
    });
    command(folder, "gcc", ...kernelFlags, ...sectionFlags, "-gbtf", "-c", "-o", "core.o", "core.c");
    command(folder, "ar", "cDPrST", "vmlinux.a", ...archiveMembers);
    expect(runLinker(folder).status).toBe(0);
    return runLinker(folder, finalArguments(finalInputs));
  };
  expect(link("int").stderr).toMatch(
    /components\.yaml:6: gadget_is_there returns a signed 32-bit number.*\n?.*\[manifest-symbol\]/,
  );
  expect(link("_Bool").status).toBe(0);
});
