// SPDX-License-Identifier: Apache-2.0
/** Constants and variables of a component: what lets them leave, what pins them. Compiled by the real gcc. */
import { expect, test } from "vitest";
import { objectOf, sectionOf } from "../../../src/1-graph/graph.js";
import { classifyUnits } from "../../../src/2-catalogue/classify.js";
import { claimUnits } from "../../../src/3-component/claim.js";
import type { Component, Registration } from "../../../src/3-component/component.js";
import { assignOwners } from "../../../src/5-ownership/owners.js";
import { drawBoundary } from "../../../src/6-boundary/boundary.js";
import { describeReference } from "../../../src/plan/plan.js";
import { graphOf } from "../../support/compile.js";
import { codesOf } from "../../support/diagnosed.js";

const driver = `
  typedef int (*work_t)(int);
  static int local_work(int x) { return x * 3; }
  const work_t driver_ops[2] = { local_work };
  const int driver_numbers[4] = { 1, 2, 3, 4 };
  int driver_value = 3;
  int driver_zero[4];
  int driver_once __attribute__((section(".data..ro_after_init"))) = 1;
  __attribute__((noinline)) int driver_work(int x)
  { return driver_ops[x & 1](driver_value) + driver_numbers[x & 3] + driver_zero[x & 3]++ + driver_once; }
  const char *driver_name(void) { return "a driver's name"; }`;

type Listed = Pick<Registration, "by"> & Partial<Registration>;
const component = (registers?: readonly Listed[]): Component => ({
  ...{
    name: "driver",
    title: "A driver",
    file: "components.yaml",
    line: 1,
    after: [],
    needs: [],
    resident: [],
  },
  code: [{ kind: "objects", patterns: ["driver.o"], line: 1 }],
  inUse: { op: "never", line: 1 },
  canAppear: "never",
  ...(registers === undefined
    ? {}
    : { registers: registers.map((one) => ({ except: [], why: "", line: 1, ...one })) }),
  gates: [
    {
      ...{ pattern: "*", literal: false, file: "components.yaml", line: 1 },
      answer: { kind: "value", value: -19, text: "-ENODEV" },
    },
  ],
});

/** The pins and the gates in a kernel of the driver and one more object. */
function boundaryOf(
  sources: Readonly<Record<string, string>>,
  registers?: Parameters<typeof component>[0],
  own = "",
) {
  const graph = graphOf({ "driver.c": `${driver}\n${own}`, ...sources });
  const roles = classifyUnits(graph);
  const claims = claimUnits(graph, roles, [component(registers)], () => []);
  const ownership = assignOwners(graph, roles, claims);
  const boundary = drawBoundary({ graph, roles, claims, ownership }, { leastBytes: () => 1 });
  const stays: string[] = [];
  for (let unit = 0; unit < graph.unitCount; unit++)
    if (objectOf(graph, unit).file === "driver.o" && sectionOf(graph, unit).size > 0)
      if (!boundary.isLeaving[unit]) stays.push(sectionOf(graph, unit).name);
  return {
    pins: boundary.pins.map(({ unit }) => sectionOf(graph, unit).name).sort(),
    gates: boundary.gates.map(({ target }) => target.name).sort(),
    refusals: boundary.refusals.map(({ reason }) => reason),
    stays: stays.sort(),
    allowances: boundary.allowances.map((edge) => {
      const { by, to } = describeReference(graph, edge);
      return `${by} ${to}`;
    }),
  };
}

const init = (code: string) => `.section .init.text, "ax"\nsetup:\n${code}\nret`;
const code = (lines: string) =>
  `.section .text.resident, "ax"\n.type resident, @function\nresident:\n${lines}\nret`;

test("nothing of it stays where nobody refers to it, but for what has a place of its own", () => {
  expect(boundaryOf({})).toEqual({
    ...{ pins: [], gates: [], refusals: [], allowances: [] },
    stays: [".data..ro_after_init"],
  });
});

const value = [".data.driver_value"];
test.each<[string, string, string[]]>([
  ["code that stays reads it", code("mov driver_value(%rip), %eax"), value],
  ["code that stays takes its address", code("lea driver_value(%rip), %rax"), value],
  ["data that stays points to it", ".data\n.quad driver_value + 2", value],
  ["per-CPU data points to it", '.section .data..percpu, "aw"\n.quad driver_value', value],
  ["it is exported", '.section ___ksymtab+driver_value, "a"\n.long driver_value - .', value],
  ["it is a parameter", '.section __param, "a"\n.quad driver_value', value],
  [
    "a tracepoint's string is",
    '.section __tracepoint_str, "aw"\n.quad driver_numbers',
    [".rodata.driver_numbers"],
  ],
  ["init code takes its address", init("lea driver_value(%rip), %rax"), value],
  ["init code takes its address as a number", init("mov $driver_value, %rax"), value],
  ["init code stores its address", `${init("movq $driver_value, kept(%rip)")}\n.data\nkept: .quad 0`, value],
  ["init code pushes its address", init("push $driver_zero"), [".bss.driver_zero"]],
  ["init data points to it", '.section .init.data, "aw"\n.quad driver_value', value],
  // Whether an absolute field is an address or a displacement cannot be told from the bytes before it.
  ["init code indexes it", init("mov driver_zero(,%rcx,4), %eax"), [".bss.driver_zero"]],
  // It could keep what it reads.
  ["init code reads an address in it", init("mov driver_ops(%rip), %rax"), [".rodata.driver_ops"]],
])("it is pinned where %s", (_, assembly, pins) => {
  expect(boundaryOf({ "other.S": assembly }).pins).toEqual(pins);
});

test("data that its own code addresses from far beside it stays, and data addressed from close by leaves", () => {
  const indexed = (name: string, from: number) =>
    `__attribute__((used)) static const long ${name}[4] = { 7, 8, 9, 10 };
     long driver_reads_${name}(long i)
     { asm("mov ${name} - 8 * ${from}(,%0,8), %0" : "+r"(i)); return i; }`;
  const { pins, stays } = boundaryOf({}, undefined, `${indexed("far", 390)}\n${indexed("near", 2)}`);
  expect([pins, stays]).toEqual([[".rodata.far"], [".data..ro_after_init", ".rodata.far"]]);
});

test.each([
  ["reads it", "mov driver_value(%rip), %eax"],
  ["reads a byte of it", "movzbl driver_value(%rip), %eax"],
  ["writes it", "mov %r9, driver_zero(%rip)"],
  ["writes a number to it", "movl $77, driver_zero + 4(%rip)"],
  ["compares it", "cmpl $0x12345678, driver_value(%rip)"],
  ["counts it up", "lock incl driver_zero + 8(%rip)"],
  ["exchanges it", "xchg %eax, driver_value(%rip)"],
  ["reads a constant", "mov driver_numbers(%rip), %eax"],
  ["pushes what it holds", "pushq driver_value(%rip)"],
  ["calls a function that uses it", "call driver_work"],
])("it leaves where init code only %s", (_, line) => {
  expect(boundaryOf({ "other.S": init(line) })).toMatchObject({ pins: [], gates: [] });
});

test("a function that a pinned table calls gets a gate", () => {
  const pointer = { "other.S": ".data\n.quad driver_ops" };
  expect(boundaryOf(pointer)).toMatchObject({ pins: [".rodata.driver_ops"], gates: ["local_work"] });
});

const init_ = '__attribute__((section(".init.text")))';
const setups = `
  extern void *kept; extern int (*kept_work)(int);
  ${init_} void setup(void) { kept = driver_zero; kept_work = driver_work; }
  ${init_} void later(void) { kept = driver_zero + 1; }`;
const others = { "other.S": ".data\n.globl kept, kept_work\nkept: .quad 0\nkept_work: .quad 0" };
const kept = { pins: [".bss.driver_zero"], gates: ["driver_work"] };

test("the manifest lists what init code keeps, function by function", () => {
  const listing = (...registers: Listed[]) => boundaryOf(others, registers, setups);
  expect(boundaryOf(others, undefined, setups)).toMatchObject({ ...kept, allowances: [] });
  const both = listing({ by: ["setup", "later"] });
  expect(both).toMatchObject({ pins: [], gates: [] });
  expect(both.allowances.sort()).toEqual([
    "later driver.o:(.bss.driver_zero)",
    "setup driver.o:(.bss.driver_zero)",
    "setup driver.o:(.text.driver_work)",
  ]);
  // One that nobody has read pins what the other may keep.
  expect(listing({ by: ["setup"] })).toMatchObject({
    pins: kept.pins,
    gates: [],
    allowances: ["setup driver.o:(.text.driver_work)"],
  });
  expect(listing({ by: ["later"] })).toMatchObject({ ...kept, allowances: [] });
  expect(listing({ by: ["setup", "later"], except: ["driver_zero"] })).toMatchObject({
    pins: kept.pins,
    gates: [],
  });
  expect(listing({ by: ["setup", "later"], except: ["driver_work"] })).toMatchObject({
    pins: [],
    gates: kept.gates,
  });
  expect(listing({ by: ["setup"], except: ["driver_work"] }, { by: ["later"] })).toMatchObject({
    pins: [],
    gates: kept.gates,
  });
});

test("a function that goes through a gate all the same needs no allowance", () => {
  const pointer = { "other.S": `${others["other.S"]}\n.quad driver_work` };
  const { gates, allowances } = boundaryOf(pointer, [{ by: ["setup", "later"] }], setups);
  expect(gates).toEqual(["driver_work"]);
  expect(allowances.filter((one) => one.includes("driver_work"))).toEqual([]);
});

const named = (kind: string, name: string, section: string, lines: string) =>
  `.section ${section}\n.type ${name}, @${kind}\n${name}:\n${lines}\n.size ${name}, . - ${name}\n`;
const stores = (name: string) =>
  named("function", name, '.init.text, "ax"', "lea driver_zero(%rip), %rax\nret");

test.each<[string, string, Listed, string[]]>([
  ["another object's function", stores("setup"), { by: ["setup"] }, []],
  [
    "a table of init data",
    named("object", "table", '.init.data, "aw"', ".quad driver_zero"),
    { by: ["table"] },
    [],
  ],
  ["a clone that the compiler made", stores("setup.constprop.0"), { by: ["setup"] }, []],
  ["a part that the compiler split off", stores("setup.part.3"), { by: ["setup"] }, []],
  ["the object that is said", stores("setup"), { by: ["setup"], object: "other.o" }, []],
  ["the function beside it", stores("setup") + stores("setup_more"), { by: ["setup"] }, kept.pins],
  [
    "what lies behind it without a name",
    `${stores("setup")}lea driver_zero(%rip), %rax`,
    { by: ["setup"] },
    kept.pins,
  ],
  ["a label", init("lea driver_zero(%rip), %rax"), { by: ["setup"], isOptional: true }, kept.pins],
  [
    "code that stays",
    stores("setup").replace(".init.text", ".text.setup"),
    { by: ["setup"], isOptional: true },
    kept.pins,
  ],
  [
    "a replacement that the code gets",
    `${stores("setup").replace("lea driver_zero(%rip), %rax", "nop")}
    .section .altinstructions, "a"\n.long setup - ., 1f - .\n.quad 0
    .section .altinstr_replacement, "ax"\n1: lea driver_zero(%rip), %rax`,
    { by: ["setup"] },
    kept.pins,
  ],
])("what is listed is meant: %s", (_, assembly, listed, pins) => {
  expect(boundaryOf({ "other.S": assembly }, [listed]).pins).toEqual(pins);
});

test("a name that says less than it seems to is a mistake, or counts for nothing", () => {
  const two = { "one.S": stores("setup"), "two.S": stores("setup") };
  const cases: [Readonly<Record<string, string>>, Listed][] = [
    [two, { by: ["setup"] }],
    [two, { by: ["setpu"] }],
    [two, { by: ["setup"], object: "three.o" }],
    [{ "one.S": stores("setup") }, { by: ["setup"], except: ["driver_wrok"] }],
    [{ "one.S": stores("setup") }, { by: ["setup"], except: ["resident"] }],
  ];
  for (const [sources, listed] of cases) {
    expect(codesOf(() => boundaryOf(sources, [listed]))).toEqual(["manifest-registers"]);
    const optional = boundaryOf(sources, [{ ...listed, isOptional: true }]);
    expect(optional).toMatchObject({ pins: kept.pins, allowances: [] });
  }
  expect(boundaryOf(two, [{ by: ["setup"], object: "one.o" }]).pins).toEqual(kept.pins);
  expect(
    boundaryOf(
      two,
      ["one.o", "two.o"].map((object) => ({ by: ["setup"], object })),
    ).pins,
  ).toEqual([]);
});

test("a name that another object has as well means the component's own function", () => {
  const listed = { by: ["setup", "later"] };
  expect(
    boundaryOf(
      { ...others, "one.S": named("function", "setup", '.init.text, "ax"', "ret") },
      [listed],
      setups,
    ),
  ).toMatchObject({
    ...{ pins: [], gates: [] },
  });
  // It says nothing of the other one.
  expect(boundaryOf({ ...others, "one.S": stores("setup") }, [listed], setups)).toMatchObject({
    ...{ pins: kept.pins, gates: [] },
  });
});

test("one component's list says nothing of another's memory", () => {
  const graph = graphOf({
    "driver.c": driver,
    "other.c": "int other_zero[4]; int other(void) { return other_zero[1]; }",
    "setup.S": named(
      "function",
      "setup",
      '.init.text, "ax"',
      "lea driver_zero(%rip), %rax\nlea other_zero(%rip), %rax",
    ),
  });
  const roles = classifyUnits(graph);
  const first = component([{ by: ["setup"] }]);
  const second = {
    ...component(),
    name: "other",
    code: [{ kind: "objects" as const, patterns: ["other.o"], line: 1 }],
  };
  const claims = claimUnits(graph, roles, [first, second], () => []);
  const ownership = assignOwners(graph, roles, claims);
  const { pins } = drawBoundary({ graph, roles, claims, ownership }, { leastBytes: () => 1 });
  expect(pins.map(({ unit }) => sectionOf(graph, unit).name)).toEqual([".bss.other_zero"]);
});

const warning = (code: string) => `
  .section __bug_table, "aw"
  .long ${code} - ., driver_numbers - .
  .word 1, 0`;
const warningByFormat = (code: string) => `
  .section __bug_table, "aw"
  .long ${code} - ., driver_numbers - ., resident_name - .
  .word 1, 0
  .section .rodata.resident_name, "a"
resident_name: .asciz "other.c"`;
const warningByFile = (code: string) =>
  warningByFormat(code).replace("driver_numbers - ., resident_name", "resident_name - ., driver_numbers");
const branch = (code: string) => `
  .section __jump_table, "aw"
  .long ${code} - ., ${code} + 1 - .
  .quad driver_value - .`;

test.each<[string, string, string, string[]]>([
  ["a warning", "code that stays", code("") + warning("resident"), [".rodata.driver_numbers"]],
  ["a warning", "its own code", warning("driver_work"), []],
  ["a warning", "init code", init("") + warning("setup"), []],
  ["a format", "code that stays", code("") + warningByFormat("resident"), [".rodata.driver_numbers"]],
  ["a format", "its own code", warningByFormat("driver_work"), []],
  ["a file's name", "code that stays", code("") + warningByFile("resident"), [".rodata.driver_numbers"]],
  ["a file's name", "its own code", warningByFile("driver_work"), []],
  ["a file's name", "init code", init("") + warningByFile("setup"), []],
  ["a static branch", "code that stays", code("nop") + branch("resident"), [".data.driver_value"]],
  ["a static branch", "its own code", branch("driver_work"), []],
  ["a static branch", "init code", init("nop") + branch("setup"), []],
])("what %s in %s needs counts as that code's", (_, __, assembly, pins) => {
  expect(boundaryOf({ "other.S": assembly }).pins).toEqual(pins);
});

test("a table that says something of data alone pins it", () => {
  expect(boundaryOf({ "other.S": '.section __bug_table, "aw"\n.long driver_value - .' }).pins).toEqual(value);
});

test("static keys that objtool will look for by name stay", () => {
  const own = "int __SCK__driver = 1; int driver_call(void) { return __SCK__driver; }";
  expect(boundaryOf({}, undefined, own).stays).toEqual([".data..ro_after_init", ".data.__SCK__driver"]);
});

test("strings leave, and what stays keeps its own", () => {
  const ref = '__attribute__((section(".ref.text"))) const char *ref(void) { return "ref"; }';
  const { pins } = boundaryOf({}, undefined, ref);
  expect(pins).toHaveLength(1);
  expect(pins[0]).toMatch(/^\.rodata.*str1\.1$/);
});
