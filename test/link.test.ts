// SPDX-License-Identifier: Apache-2.0
/**
 * The link stage on a small program that really runs: a driver that leaves, a core that calls it, in the shape
 * of a kernel build. The program shuts the gates, takes the region's pages away and calls again.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readObject } from "../src/elf/object.js";
import type { Plan } from "../src/plan/plan.js";
import { command, sectionFlags, temporaryFolder, writeFiles } from "./compile.js";
import { compileArchive, linker, objectArguments, runLinker } from "./kernelShaped.js";

const program: Record<string, string> = {
  "drivers/gadget.c": `
    #include "gadget.h"
    static int uses;
    static int local_work(int x) { uses++; return x * 2; }
    struct ops gadget_ops = { local_work, gadget_name };
    int gadget_work(int x) { uses++; asm volatile(".skip 600, 0x90"); return gadget_ops.work(x) + helper(x); }
    const char *gadget_name(void) { return "gadget"; }
    void gadget_note(int x) { uses += x; }
    work_t gadget_pointer(void) { return gadget_work; }
    int gadget_in_use;
    static __attribute__((constructor, section(".init.text"))) void gadget_init(void) { gadget_note(0); }`,
  "gadget.h": `
    typedef int (*work_t)(int);
    struct ops { work_t work; const char *(*name)(void); };
    extern struct ops gadget_ops;
    int gadget_work(int x);
    const char *gadget_name(void);
    void gadget_note(int x);
    work_t gadget_pointer(void);
    int helper(int x);`,
  // Only the driver needs it: it leaves too.
  "lib/helper.c": `
    #include "gadget.h"
    int helper(int x) { int sum = 0; for (int i = 0; i < x; i++) sum += i * x ^ sum; return sum; }`,
  "core.c": `
    #include <stdio.h>
    #include <sys/mman.h>
    #include "gadget.h"
    extern unsigned char jettison_region_shut[];
    extern unsigned long jettison_gate_calls[];
    extern unsigned int jettison_nr_gates;
    extern char __jettison_region_00_start[], __jettison_region_00_end[];
    struct gate { const char *name; void *entry; long answer; unsigned region, flags; };
    extern const struct gate jettison_gates[];
    unsigned long jettison_shut_gate(const struct gate *gate)
    {
      jettison_gate_calls[gate - jettison_gates]++;
      return gate->answer;
    }
    static void show(const char *when)
    {
      gadget_note(1);
      printf("%s: work %d, through a table %d, same address %d, name %s\\n", when, gadget_work(4),
             gadget_ops.work(4), gadget_pointer() == gadget_work, gadget_name() ? gadget_name() : "none");
    }
    int main(void)
    {
      show("open");
      jettison_region_shut[0] = 1;
      if (mprotect(__jettison_region_00_start, __jettison_region_00_end - __jettison_region_00_start, PROT_NONE))
        return 1;
      show("shut");
      unsigned long calls = 0;
      for (unsigned i = 0; i < jettison_nr_gates; i++)
        calls += jettison_gate_calls[i];
      printf("%u gates, %lu calls, %ld bytes\\n", jettison_nr_gates, calls,
             (long)(__jettison_region_00_end - __jettison_region_00_start));
      return 0;
    }`,
  "kernel/jettison/tables.S": ".text",
};

const manifest = `
components:
  gadget:
    title: A gadget
    code: [{ objects: drivers/gadget.o }]
    inUse: { nonZero: gadget_in_use }
    canAppear: never
    gates: { gadget_work: -ENODEV, local_work: -5, gadget_name: null, gadget_note: void, gadget_pointer: null }
`;

const flags = ["-O2", "-fno-pie", "-fno-asynchronous-unwind-tables", "-fno-inline"];

/** Compiles the program as a kernel build would, up to the archive that goes into `vmlinux.o`. */
function buildProgram(changes: Readonly<Record<string, string>> = {}, sections = sectionFlags): string {
  const folder = temporaryFolder();
  compileArchive(folder, { ...program, "components.yaml": manifest, ...changes }, [...flags, ...sections]);
  return folder;
}

const link = (folder: string, components = "components.yaml") =>
  runLinker(folder, objectArguments, components);

const readPlan = (folder: string) =>
  JSON.parse(readFileSync(join(folder, ".jettison/plan.json"), "utf8")) as Plan;

test("calls work while the gates are open, and get their answers when the driver is gone", () => {
  const folder = buildProgram();
  const linked = link(folder);
  expect(linked.stderr).toBe("");
  expect(linked.status).toBe(0);
  command(folder, "gcc", "-static", "-no-pie", "-o", "program", "vmlinux.o");
  expect(command(folder, "./program").split("\n")).toEqual([
    "open: work 52, through a table 8, same address 1, name gadget",
    "shut: work -19, through a table -5, same address 0, name none",
    "5 gates, 5 calls, 4096 bytes",
    "",
  ]);
  const plan = readPlan(folder);
  expect(
    plan.units
      .filter(({ region }) => region === "00")
      .map(({ section }) => section)
      .sort(),
  ).toEqual([
    ".text.gadget_name",
    ".text.gadget_note",
    ".text.gadget_pointer",
    ".text.gadget_work",
    ".text.helper",
    ".text.local_work",
  ]);
});

const dataProgram: Record<string, string> = {
  ...program,
  "drivers/gadget.c": `
    #include "gadget.h"
    static int scratch[300];
    static int factors[200] = { 1, 2, 3 };
    static const int table[200] = { 5, 6, 7 };
    static int local_work(int x) { return x * factors[1]; }
    static const struct ops constant_ops = { local_work, gadget_name };
    static const char *messages[] = { "gadget: a message", "gadget: another" };
    int gadget_work(int x)
    { scratch[x]++; asm volatile(".skip 600, 0x90"); return constant_ops.work(x) + table[x] + scratch[x] + helper(x); }
    const char *gadget_name(void) { return messages[factors[0] - 1]; }
    void gadget_note(int x) { scratch[0] += x; }
    work_t gadget_pointer(void) { return gadget_work; }
    int gadget_in_use;
    static __attribute__((constructor, section(".init.text"))) void gadget_init(void) { factors[1] = 3; }`,
  // A program's linker would merge this one with the end of the driver's.
  "message.c": 'const char *message(void) { return "a message"; }',
  "core.c": `
    #include <stdio.h>
    #include <string.h>
    #include <sys/mman.h>
    #include "gadget.h"
    const char *message(void);
    extern unsigned char jettison_region_shut[];
    extern unsigned long jettison_gate_calls[];
    extern unsigned int jettison_nr_regions;
    extern const struct { char *start, *end; unsigned long owners; unsigned kind, pad; } jettison_regions[];
    struct gate { const char *name; void *entry; long answer; unsigned region, flags; };
    unsigned long jettison_shut_gate(const struct gate *gate) { return gate->answer; }
    static void show(const char *when)
    {
      printf("%s: work %d, name %s, %s\\n", when, gadget_work(4), gadget_name() ? gadget_name() : "none", message());
    }
    int main(void)
    {
      show("open");
      for (unsigned i = 0; i < jettison_nr_regions; i++) {
        char *start = jettison_regions[i].start, *end = jettison_regions[i].end;
        jettison_region_shut[i] = 1;
        if (mprotect(start, end - start, PROT_READ | PROT_WRITE))
          return 1;
        memset(start, 0x55, end - start);
        if (mprotect(start, end - start, PROT_NONE))
          return 1;
        printf("kind %u, %ld bytes\\n", jettison_regions[i].kind, (long)(end - start));
      }
      show("gone");
      return 0;
    }`,
};

test("a driver's constants, variables and strings leave with it", () => {
  const folder = buildProgram(dataProgram);
  const linked = link(folder);
  expect(linked.stderr).toBe("");
  expect(linked.status).toBe(0);
  command(folder, "gcc", "-static", "-no-pie", "-o", "program", "vmlinux.o");
  expect(command(folder, "./program").split("\n")).toEqual([
    "open: work 57, name gadget: a message, a message",
    "kind 0, 4096 bytes",
    "kind 1, 4096 bytes",
    "kind 2, 4096 bytes",
    "kind 3, 4096 bytes",
    "gone: work -19, name none, a message",
    "",
  ]);
  const { gates, pins, regions } = readPlan(folder);
  expect(gates.map((gate) => gate.function)).toEqual(["gadget_work", "gadget_name"]);
  expect(pins).toEqual([]);
  expect(regions.map(({ kind }) => kind)).toEqual(["text", "rodata", "data", "bss"]);
  // Its zeros take no room in the file.
  expect(command(folder, "readelf", "-SW", "vmlinux.o")).toMatch(/\.bss\.\.jettison\.03 +NOBITS/);
});

test("ld writes the objects in their order, whichever of them has a region, so that it need not sort relocations", () => {
  const folder = temporaryFolder();
  const { "core.c": core, ...others } = program;
  compileArchive(folder, { "core.c": core!, ...others, "components.yaml": manifest }, [
    ...flags,
    ...sectionFlags,
  ]);
  expect(link(folder).stderr).toBe("");
  const files = command(folder, "readelf", "-sW", "vmlinux.o").matchAll(/ FILE .* (\S+\.c)$/gm);
  expect([...files].map(([, file]) => file)).toEqual(["core.c", "gadget.c", "helper.c"]);
});

test("the same inputs give the same bytes", () => {
  const folder = buildProgram();
  const [first, second] = [0, 1].map(() => {
    expect(link(folder).status).toBe(0);
    return readFileSync(join(folder, "vmlinux.o"));
  });
  expect(second!.equals(first!)).toBe(true);
});

test("the files of the link are the same wherever the manifest lies, and name no folder", () => {
  const folder = buildProgram();
  const files = ["plan.json", "claims.json", "merge.lds", "tables.S"];
  const linkWith = (components: string) => {
    expect(link(folder, components).status).toBe(0);
    return files.map((name) => readFileSync(join(folder, ".jettison", name), "utf8"));
  };
  const made = linkWith("components.yaml");
  const elsewhere = temporaryFolder();
  writeFiles(elsewhere, { "components.yaml": manifest });
  expect(linkWith(join(elsewhere, "components.yaml"))).toEqual(made);
  for (const text of made) expect(text).not.toMatch(/\/(tmp|root|home|work)\//);
});

test("without components and without function sections the linker's output is its own", () => {
  const folder = buildProgram({}, []);
  expect(link(folder, "").status).toBe(0);
  const ours = readFileSync(join(folder, "vmlinux.o"));
  command(folder, "ld", ...objectArguments);
  expect(readFileSync(join(folder, "vmlinux.o")).equals(ours)).toBe(true);
});

test("functions without an answer refuse their component, which then stays whole, and all are named", () => {
  const without = manifest.replace("gadget_note: void, ", "").replace("local_work: -5, ", "");
  const folder = buildProgram({ "components.yaml": without });
  const linked = link(folder);
  expect(linked.status).toBe(0);
  expect(linked.stderr).toMatch(/gadget is refused: .*no answer for it, nor for gadget_note$/m);
  const plan = readPlan(folder);
  expect(plan.refusals.map(({ reason, unanswered }) => [reason, unanswered])).toEqual([
    ["unanswered", ["local_work", "gadget_note"]],
  ]);
  expect(plan.regions).toEqual([]);
  expect(plan.gates).toEqual([]);
});

test.each([
  [
    "a jump into a function",
    'asm(".text\\nnop\\n.section .text.into, \\"ax\\"\\ninto: jmp gadget_work + 5\\n");',
    "inside-function",
  ],
  ["assembly that calls", 'asm(".text\\ncaller: call gadget_work\\n");', "assembly"],
  [
    "code that may call nothing",
    'asm(".section .noinstr.text, \\"ax\\"\\nraw: call gadget_work\\n");',
    "no-gate",
  ],
  [
    "code that is read",
    'asm(".section .text.reader, \\"ax\\"\\nreader: mov gadget_work(%rip), %eax\\n");',
    "read-as-data",
  ],
  [
    "a section that nobody knows",
    'asm(".section .mystery, \\"a\\"\\n.quad gadget_work\\n");',
    "unknown-section",
  ],
])("%s refuses the component", (_, code, reason) => {
  const folder = buildProgram({ "other.c": `int other(int x) { return x; }\n${code}` });
  expect(link(folder).status).toBe(0);
  expect(readPlan(folder).refusals.map((refusal) => refusal.reason)).toEqual([reason]);
});

test("an address that init code stores goes through a gate, a call does not", () => {
  const folder = buildProgram({
    "setup.c": `
      #include "gadget.h"
      work_t stored;
      __attribute__((section(".init.text"))) void setup(void) { stored = gadget_work; gadget_pointer(); }`,
  });
  expect(link(folder).status).toBe(0);
  const gates = readPlan(folder).gates;
  const from = (name: string) =>
    gates.find((gate) => gate.function === name)!.crossings.map((crossing) => crossing.from);
  expect(from("gadget_work")).toContain("setup.o:(.init.text)");
  expect(from("gadget_pointer")).not.toContain("setup.o:(.init.text)");
});

const registering = (except: string) => ({
  "components.yaml": manifest.replace(
    "canAppear: never",
    `canAppear: never\n    registers: [{ by: gadget_setup${except}, why: gadget_setup() }]`,
  ),
  "drivers/gadget.c": `${program["drivers/gadget.c"]}
    work_t gadget_stored; void *gadget_kept;
    int gadget_late(int x) { return x; }
    __attribute__((section(".init.text"))) void gadget_setup(void)
    { gadget_stored = gadget_late; gadget_kept = gadget_name; }`,
});

test("an address that a manifest lets init code keep needs no gate, unless the manifest excepts it", () => {
  const crossed = (except: string) => {
    const folder = buildProgram(registering(except));
    expect(link(folder).stderr).toBe("");
    const ofInit = readPlan(folder).gates.filter(({ crossings }) =>
      crossings.some(({ from }) => from.endsWith(":(.init.text)")),
    );
    return ofInit.map((gate) => gate.function);
  };
  expect(crossed("")).toEqual([]);
  expect(crossed(", except: [gadget_name]")).toEqual(["gadget_name"]);
});

test("a function that a manifest declares resident stays, with the functions of its file that it calls", () => {
  const called = {
    "drivers/gadget.c": `${program["drivers/gadget.c"]}
      static __attribute__((noinline)) int gadget_peek(void) { return uses; }
      int gadget_entry(void) { return gadget_peek() + helper(1); }`,
    "entry.S": '.section .noinstr.text, "ax"\n.globl entry\nentry: call gadget_entry\nret',
  };
  const refused = buildProgram(called);
  expect(link(refused).status).toBe(0);
  expect(readPlan(refused).refusals.map(({ reason }) => reason)).toEqual(["no-gate"]);

  const folder = buildProgram({
    ...called,
    "components.yaml": manifest
      .replace("    canAppear", "    resident: [gadget_entry, gadget_nothing]\n    canAppear")
      .replace("gates: {", "gates: { helper: 0,"),
  });
  expect(link(folder).stderr).toBe("");
  const { refusals, units, pins } = readPlan(folder);
  expect(refusals).toEqual([]);
  expect(units.map(({ section }) => section)).not.toContain(".text.gadget_entry");
  expect(pins.map(({ unit }) => unit)).toContain("drivers/gadget.o:(.text.gadget_peek)");
});

test("calls that are expected are marked in the table of gates", () => {
  const flagsOf = (answer: string) => {
    const folder = buildProgram({
      "components.yaml": manifest.replace("gadget_note: void", `gadget_note: ${answer}`),
    });
    expect(link(folder).stderr).toBe("");
    const table = readFileSync(join(folder, ".jettison/tables.S"), "utf8");
    return /, jettison_gate_gadget_note, 0\n\t\.long\t0, (\d)/.exec(table)?.[1];
  };
  expect(flagsOf("void")).toBe("1");
  expect(flagsOf("{ expected: void }")).toBe("5");
});

/** One of six arguments, which a shut gate must leave as they are. */
const answered: Readonly<Record<string, string>> = {
  "drivers/spare.c": `
    int spare_uses;
    long find_spare(long a, long b, long c, long d, long e, long f)
    { spare_uses++; return a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f; }
    static long find_static(long a) { return a; }
    __attribute__((section(".init.text"))) long find_early(long a) { return find_static(a); }`,
  "core.c": program["core.c"]!.replace(
    "gadget_note(1);",
    `long gadget_find(long, long, long, long, long, long);
     printf("found %ld; ", gadget_find(1, 2, 3, 4, 5, 6));
     gadget_note(1);`,
  ),
  "drivers/gadget.c": `${program["drivers/gadget.c"]}
    long find_spare(long a, long b, long c, long d, long e, long f);
    long gadget_find(long a, long b, long c, long d, long e, long f)
    { uses++; return a == 0 ? find_spare(a, b, c, d, e, f) : 7; }`,
};

const answeringManifest = (answering: string) =>
  manifest
    .replace("objects: drivers/gadget.o", "objects: drivers/*.o")
    .replace("gates: {", `gates: { gadget_find: { function: ${answering} },`);

test("another function answers for one that left: it stays, gets the arguments, and its calls are not counted", () => {
  const folder = buildProgram({ ...answered, "components.yaml": answeringManifest("find_spare") });
  expect(link(folder).stderr).toBe("");
  command(folder, "gcc", "-static", "-no-pie", "-o", "program", "vmlinux.o");
  expect(command(folder, "./program").split("\n")).toEqual([
    "found 7; open: work 52, through a table 8, same address 1, name gadget",
    "found 654321; shut: work -19, through a table -5, same address 0, name none",
    "6 gates, 5 calls, 4096 bytes",
    "",
  ]);
  const { gates, units } = readPlan(folder);
  expect(gates.find((gate) => gate.function === "gadget_find")?.answer).toBe("find_spare()");
  expect(units.map(({ section }) => section)).not.toContain(".text.find_spare");
});

test.each([
  ["find_nowhere", /no global function of this build/],
  ["find_static", /no global function of this build/],
  ["spare_uses", /it is no function/],
  ["find_early", /not there once the kernel has booted/],
])("%s cannot answer for a function that left", (answering, says) => {
  const folder = buildProgram({ ...answered, "components.yaml": answeringManifest(answering) });
  const { status, stderr } = link(folder);
  expect(stderr).toMatch(/components\.yaml:8: \S+ cannot answer for gadget_find\(\).*manifest-answering/);
  expect(stderr).toMatch(says);
  expect(status).toBe(2);
});

test("an exception of a manifest has to exist", () => {
  const linked = link(buildProgram(registering(", except: gadget_nmae")));
  expect(linked.stderr).toMatch(
    /components\.yaml:8: gadget_nmae is no function or object of the component.*gadget_name/,
  );
  expect(linked.status).toBe(2);
});

test("an alternative jumps inside the function it is copied into", () => {
  const folder = buildProgram({
    "drivers/gadget.c": program["drivers/gadget.c"]!.replace(
      "int gadget_work(int x) { uses++;",
      `int gadget_work(int x) { uses++;
         asm volatile goto("1: jmp %l[fast]\\n2:\\n"
           ".pushsection .altinstructions, \\"a\\"\\n.long 1b - ., 3f - .\\n.quad 0\\n.popsection\\n"
           ".pushsection .altinstr_replacement, \\"ax\\"\\n3: jmp %l[fast]\\n.popsection\\n" :::: fast);
         uses++;
       fast:`,
    ),
  });
  expect(link(folder).stderr).toBe("");
  expect(readPlan(folder).refusals).toEqual([]);
});

test.each([
  [
    "object",
    "objects: drivers/gadgets.o",
    "nonZero: gadget_in_use",
    /components\.yaml:\d+: no object .*drivers\/gadgets\.o.*Nearest: drivers\/gadget\.o/,
  ],
  [
    "symbol",
    "objects: drivers/gadget.o",
    "nonZero: gadget_inuse",
    /components\.yaml:\d+: gadget_inuse is not in this build.*gadget_in_use/,
  ],
])("a manifest that names a missing %s is answered with its place", (_, code, inUse, message) => {
  const text = manifest
    .replace("code: [{ objects: drivers/gadget.o }]", `code: [{ objects: drivers/gadget.o }, { ${code} }]`)
    .replace("nonZero: gadget_in_use", inUse);
  const folder = buildProgram({ "components.yaml": text });
  const linked = link(folder);
  expect(linked.stderr).toMatch(message);
  expect(linked.status).toBe(2);
  expect(existsSync(join(folder, "vmlinux.o"))).toBe(false);
});

test("two components that claim one unit are both named", () => {
  const text = `${manifest}  other:\n    title: Other\n    code: [{ objects: "drivers/*" }]\n    inUse: never\n    canAppear: never\n`;
  const linked = link(buildProgram({ "components.yaml": text }));
  expect(linked.stderr).toMatch(
    /claimed by gadget \(components\.yaml:5\) and by other \(components\.yaml:\d+\)/,
  );
  expect(linked.status).toBe(2);
});

test("a component that is not built is skipped and said to be", () => {
  const text = `${manifest}  absent:\n    title: Absent\n    code: [{ objects: "drivers/absent/**" }]\n    inUse: { nonZero: absent }\n    canAppear: never\n`;
  const folder = buildProgram({ "components.yaml": text });
  expect(link(folder).status).toBe(0);
  expect(readPlan(folder).components.map(({ name, state }) => `${name} ${state}`)).toEqual([
    "gadget planned",
    "absent not-built",
  ]);
});

test("any other call of ld goes to the linker as it is", () => {
  const folder = buildProgram();
  const args = ["-r", "-o", "some.o", "core.o", "drivers/gadget.o"];
  execFileSync(linker, args, { cwd: folder });
  const ours = readFileSync(join(folder, "some.o"));
  command(folder, "ld", ...args);
  expect(readFileSync(join(folder, "some.o")).equals(ours)).toBe(true);
  expect(execFileSync(linker, ["--version"], { encoding: "utf8" })).toBe(command(folder, "ld", "--version"));
});

test("a function that what stays calls from the same object stays with it", () => {
  const folder = buildProgram({
    "drivers/gadget.c": `${program["drivers/gadget.c"]}
      __attribute__((section(".ref.text"))) void gadget_ref(void) { gadget_note(1); }`,
  });
  expect(link(folder).stderr).toBe("");
  const { pins, refusals, units } = readPlan(folder);
  expect(refusals).toEqual([]);
  expect(pins.map(({ unit }) => unit)).toEqual(["drivers/gadget.o:(.text.gadget_note)"]);
  expect(units.find(({ section }) => section === ".text.gadget_note")!.region).toBeUndefined();
});

test("code that KASAN adds goes into sections that the kernel has", () => {
  const kasan = ["-fsanitize=kernel-address", "--param=asan-globals=1"];
  const folder = buildProgram({}, [...sectionFlags, ...kasan]);
  expect(link(folder).stderr).toBe("");
  const { refusals, units } = readPlan(folder);
  expect(refusals).toEqual([]);
  expect(units.some(({ section, region }) => section === ".text.gadget_work" && region !== undefined)).toBe(
    true,
  );
  const made = readObject("vmlinux.o", readFileSync(join(folder, "vmlinux.o"))).sections.map(
    ({ name }) => name,
  );
  expect(made.filter((name) => /LASAN|_sub_/.test(name))).toEqual([]);
  expect(made).toEqual(expect.arrayContaining([".text.startup", ".text.exit", ".init_array"]));
});
