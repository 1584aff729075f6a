// SPDX-License-Identifier: Apache-2.0
/** The arithmetic of the email, on its own lines and on listings of the real tools. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { JettisonError } from "../../../src/diagnostics.js";
import { parseListing } from "../../../src/estimate/listing.js";
import { projectRoot } from "../../../src/root.js";
import { command, compileObjects, temporaryFolder, writeFiles } from "../../support/compile.js";

const estimate = (args: readonly string[], folder: string, input = "") =>
  spawnSync(join(projectRoot, "bin/jettison"), ["estimate", ...args], {
    cwd: folder,
    encoding: "utf8",
    input,
  });

/** The lines that the email gives, as it gives them, between some of its prose. */
const email = `
worked out (hadn't tried to boot yet) and based on the compilation these are
the sizes:

1 .iommu.gart.text 00000be4 ..sip. 0000000001436fe2 00636fe2 2**0
CONTENTS, ALLOC, LOAD, READONLY, CODE
2 .iommu.calgary.text 00000c94 ..snip.. 0000000001437bc6 00637bc6 2**0
CONTENTS, ALLOC, LOAD, READONLY, CODE
3 .iommu.amdvi.text 00002d74 ..snip.. 000000000143885a 0063885a 2**0
CONTENTS, ALLOC, LOAD, READONLY, CODE
4 .iommu.dmar.text 00004ff7 ..snip.. 000000000143b5ce 0063b5ce 2**0
CONTENTS, ALLOC, LOAD, READONLY, CODE
5 .iommu.xen-swiotlb.text 000005f3 ..snip. 00000000014405c5 006405c5 2**0

For those that can't read nativly hexadecimal, here are the sizes:
Xen-SWIOTLB: 1523
GART: 3044 bytes

eight pages (6+7+11/3), which is not exactly earth-shattering.
`;

const figures = {
  version: 1,
  components: [
    { component: "gart", bytes: 3044, pages: 1 },
    { component: "calgary", bytes: 3220, pages: 1 },
    { component: "amdvi", bytes: 11636, pages: 3 },
    { component: "dmar", bytes: 20471, pages: 5 },
    { component: "xen-swiotlb", bytes: 1523, pages: 1 },
  ],
  bytes: 39894,
  scenarios: [
    { scenario: "amd", pages: 7 },
    { scenario: "intel-vtd", pages: 6 },
    { scenario: "intel", pages: 11 },
  ],
  averagePages: 8,
};

test("the email's figures come out of its own lines", () => {
  const folder = temporaryFolder();
  writeFiles(folder, { "email.txt": email });
  const { status, stdout, stderr } = estimate(["email.txt", "--json"], folder);
  expect([status, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout)).toEqual(figures);
});

test("and out of a quoted mail on stdin, with what it says of itself", () => {
  const quoted = email.replaceAll(/^/gm, "> ").replaceAll("\n", "\r\n");
  const { status, stdout } = estimate(["-"], temporaryFolder(), quoted);
  expect(status).toBe(0);
  for (const number of ["3,044", "3,220", "11,636", "20,471", "1,523", "39,894"])
    expect(stdout).toContain(number);
  expect(stdout).toMatch(/^ AMD \(amd\) +calgary, dmar, xen-swiotlb +7$/m);
  expect(stdout).toMatch(/^ Intel with VT-d \(intel-vtd\) +gart, calgary, amdvi, xen-swiotlb +6$/m);
  expect(stdout).toMatch(/^ Intel without VT-d \(intel\) +gart, .*dmar, xen-swiotlb +11$/m);
  expect(stdout).toMatch(/^ on average +8$/m);
  expect(stdout).toMatch(/"about eight pages .*" of AMD; by its own sizes it is 7\./);
});

test("the documentation shows what is printed", () => {
  const { stdout } = estimate(["-"], temporaryFolder(), email);
  const tables = stdout.slice(0, stdout.indexOf("The email says")).trimEnd();
  expect(readFileSync(join(projectRoot, "docs/answers.md"), "utf8")).toContain(`\`\`\`\n${tables}\n\`\`\``);
});

test("the claims of the email are checked only against its own sizes", () => {
  const { stdout } = estimate(["-"], temporaryFolder(), email.replace("00000be4", "00000be5"));
  expect(stdout).toContain("3,045");
  expect(stdout).not.toContain("The email says");
});

/** Bytes by name of what a listing of this object holds, in all formats alike. */
const annotated = {
  "gart.c": `
    __attribute__((section(".iommu.gart.text"))) int a(int x) { return x * 3; }
    __attribute__((section(".iommu.a-very-long-name-of-a-component.text"))) int b(int x) { return x * 7; }
    int c = 1;`,
};

test.each([
  ["objdump -h", ["objdump", "-h"]],
  ["objdump -h", ["objdump", "-hw"]],
  ["readelf -SW", ["readelf", "-SW"]],
  ["size -A", ["size", "-A"]],
  ["size -A", ["size", "-A", "-x"]],
])("a listing of %s is read (%j)", (format, [tool, ...options]) => {
  const { folder } = compileObjects(annotated);
  const listing = parseListing("x", command(folder, tool!, ...options, "gart.o"));
  expect(listing.format).toBe(format);
  const text = (name: string) => listing.sections.find((one) => one.name === name)?.bytes;
  const sizes = command(folder, "objdump", "-h", "gart.o");
  for (const name of [".iommu.gart.text", ".iommu.a-very-long-name-of-a-component.text", ".data"])
    expect(text(name)).toBe(
      Number.parseInt(new RegExp(`${name.replaceAll(".", "\\.")} +([0-9a-f]+)`).exec(sizes)![1]!, 16),
    );
});

test("names and bytes by hand, several of one component", () => {
  const folder = temporaryFolder();
  const machines = `
scenarios:
  small: { keeps: [gart] }
  large: { leaves: [gart] }
`;
  writeFiles(folder, { "machines.yaml": machines });
  const list = "# by hand\ngart: 4000 bytes\n\n.iommu.gart.text 97\nIntel VT-d  8192 # two pages\n";
  const { stdout, stderr } = estimate(["-", "--scenarios", "machines.yaml", "--json"], folder, list);
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual({
    version: 1,
    components: [
      { component: "gart", bytes: 4097, pages: 2 },
      { component: "Intel VT-d", bytes: 8192, pages: 2 },
    ],
    bytes: 12289,
    scenarios: [
      { scenario: "small", pages: 2 },
      { scenario: "large", pages: 2 },
    ],
    averagePages: 2,
  });
});

test("how sections are named is the scenarios' to say", () => {
  const folder = temporaryFolder();
  writeFiles(folder, {
    "machines.yaml": 'sections: ".text..component.*"\nscenarios:\n  none: { keeps: [] }\n',
  });
  const list = "gart.o  :\nsection  size  addr\n.text  100  0\n.text..component.gart  5000  0\nTotal  5100\n";
  const { stdout } = estimate(["-", "--scenarios", "machines.yaml", "--json"], folder, list);
  expect(JSON.parse(stdout)).toMatchObject({ components: [{ component: "gart", bytes: 5000, pages: 2 }] });
});

test.each([
  ["an ELF file", "\x7fELF\x02\x01", "listing-unusable", "<stdin>:1:"],
  ["no text", "a 1\nb \0 2\n", "listing-unusable", "<stdin>:2:"],
  ["nothing", "\n\n", "listing-unusable", "<stdin>:1:"],
  ["prose", "gart 12\nnothing to see\n", "listing-unusable", "<stdin>:2:"],
  ["a number alone", "12\n", "listing-unusable", "<stdin>:1:"],
  ["a negative size", "gart -12\n", "listing-unusable", "<stdin>:1:"],
  ["a size beyond numbers", "gart 99999999999999999999\n", "listing-unusable", "<stdin>:1:"],
  ["one in hexadecimal", "1 .iommu.gart.text ffffffffffffffff\n", "listing-unusable", "<stdin>:1:"],
  ["readelf without -W", "  [ 1] .text   PROGBITS  0000000000000000  00000040\n", "listing-unusable", "-SW"],
  ["no component", "1 .text 00000010\n2 .data 00000010\n", "listing-no-component", ".text, .data"],
])("a listing of %s is told with its place", (_, input, code, place) => {
  const { status, stdout, stderr } = estimate(["-"], temporaryFolder(), input);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(`[${code}]`);
  expect(stderr).toContain(place);
});

test.each([
  ["no scenario", "scenarios: {}", "scenarios-invalid", /m\.yaml:1:12:/],
  [
    "both keeps and leaves",
    "scenarios:\n  a: { keeps: [], leaves: [] }",
    "scenarios-invalid",
    /m\.yaml:2:6:/,
  ],
  [
    "a pattern of two parts",
    'sections: "a*b*"\nscenarios: { a: { keeps: [] } }',
    "scenarios-invalid",
    /m\.yaml:1:11:/,
  ],
  ["a slip", "scenarios:\n  a: { keeps: [gatr] }", "scenario-component", /m\.yaml:2:.*gatr.*Nearest: gart/],
])("scenarios with %s are told with their place", (_, machines, code, message) => {
  const folder = temporaryFolder();
  writeFiles(folder, { "m.yaml": machines });
  const { status, stderr } = estimate(["-", "--scenarios", "m.yaml"], folder, "gart 10\n");
  expect(status).toBe(2);
  expect(stderr).toContain(`[${code}]`);
  expect(stderr).toMatch(message);
});

test("a file that is not there is told so", () => {
  const { status, stderr } = estimate(["nowhere.txt"], temporaryFolder());
  expect(status).toBe(2);
  expect(stderr).toContain("[file-unreadable]");
});

test("whatever the text, there is a listing or a diagnostic, soon", () => {
  const piece = fc.constantFrom(
    "1",
    " ",
    "\t",
    ".text",
    "0000abcd",
    "[ 1]",
    "PROGBITS",
    "\n",
    ">",
    "x",
    ":",
    "…",
  );
  const line = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));
  const text = fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), line);
  const parse = (input: string) => {
    try {
      for (const { name, bytes } of parseListing("x", input).sections) {
        expect(name).not.toBe("");
        expect(Number.isSafeInteger(bytes) && bytes >= 0).toBe(true);
      }
    } catch (error) {
      if (!(error instanceof JettisonError)) throw error;
      expect(error.diagnostics.map(({ code }) => code)).toEqual(["listing-unusable"]);
    }
  };
  fc.assert(fc.property(text, parse), { seed: 1, numRuns: 5000 });
  const start = performance.now();
  for (const unit of ["a ", " ", "a", "1 ", "[ 1", "a\t1 ", ">", "1 a 00000000"])
    for (const end of ["", "x", "\n"]) parse(unit.repeat(200_000) + end);
  expect(performance.now() - start).toBeLessThan(10_000);
});
