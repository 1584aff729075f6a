// SPDX-License-Identifier: Apache-2.0
/** The link stage on a program that runs: it shuts the gates, takes the region's pages away and calls again. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readObject } from "../../../src/elf/object.js";
import { command, temporaryFolder, writeFiles } from "../../support/compile.js";
import {
  buildCase,
  buildMiniature,
  linker,
  linkMiniature,
  objectArguments,
  planOf,
  readCase,
} from "../../support/miniature.js";

const { "components.yaml": manifest, ...program } = readCase("driver").files;

test("calls work while the gates are open, and get their answers when the driver is gone", () => {
  const folder = buildCase("driver");
  const linked = linkMiniature(folder);
  expect(linked.stderr).toBe("");
  expect(linked.status).toBe(0);
  command(folder, "gcc", "-static", "-no-pie", "-o", "program", "vmlinux.o");
  expect(command(folder, "./program").split("\n")).toEqual([
    "open: work 52, through a table 8, same address 1, name gadget",
    "shut: work -19, through a table -5, same address 0, name none",
    "5 gates, 5 calls, 4096 bytes",
    "",
  ]);
  const plan = planOf(folder);
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
    extern const struct { char *start, *end; unsigned first_owner, nr_owners, kind, pad; } jettison_regions[];
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
  const folder = buildCase("driver", dataProgram);
  const linked = linkMiniature(folder);
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
  const { gates, pins, regions } = planOf(folder);
  expect(gates.map((gate) => gate.function)).toEqual(["gadget_work", "gadget_name"]);
  expect(pins).toEqual([]);
  expect(regions.map(({ kind }) => kind)).toEqual(["text", "rodata", "data", "bss"]);
  // Its zeros take no room in the file.
  expect(command(folder, "readelf", "-SW", "vmlinux.o")).toMatch(/\.bss\.\.jettison\.03 +NOBITS/);
});

test("ld writes the objects in their order, whichever of them has a region, so that it need not sort relocations", () => {
  const { "core.c": core, ...others } = program;
  const folder = buildMiniature({ "core.c": core!, ...others, "components.yaml": manifest! });
  expect(linkMiniature(folder).stderr).toBe("");
  const files = command(folder, "readelf", "-sW", "vmlinux.o").matchAll(/ FILE .* (\S+\.c)$/gm);
  expect([...files].map(([, file]) => file)).toEqual(["core.c", "gadget.c", "helper.c"]);
});

test("the same inputs give the same bytes", () => {
  const folder = buildCase("driver");
  const [first, second] = [0, 1].map(() => {
    expect(linkMiniature(folder).status).toBe(0);
    return readFileSync(join(folder, "vmlinux.o"));
  });
  expect(second!.equals(first!)).toBe(true);
});

test("the files of the link are the same wherever the manifest lies, and name no folder", () => {
  const folder = buildCase("driver");
  const files = ["plan.json", "claims.json", "merge.lds", "tables.S"];
  const linkWith = (components: string) => {
    expect(linkMiniature(folder, components).status).toBe(0);
    return files.map((name) => readFileSync(join(folder, ".jettison", name), "utf8"));
  };
  const made = linkWith("components.yaml");
  const elsewhere = temporaryFolder();
  writeFiles(elsewhere, { "components.yaml": manifest });
  expect(linkWith(join(elsewhere, "components.yaml"))).toEqual(made);
  for (const text of made) expect(text).not.toMatch(/\/(tmp|root|home|work)\//);
});

test("without components and without function sections the linker's output is its own", () => {
  const folder = buildCase("driver", {}, { sections: [] });
  expect(linkMiniature(folder, "").status).toBe(0);
  const ours = readFileSync(join(folder, "vmlinux.o"));
  command(folder, "ld", ...objectArguments);
  expect(readFileSync(join(folder, "vmlinux.o")).equals(ours)).toBe(true);
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
  const folder = buildCase("driver", { ...answered, "components.yaml": answeringManifest("find_spare") });
  expect(linkMiniature(folder).stderr).toBe("");
  command(folder, "gcc", "-static", "-no-pie", "-o", "program", "vmlinux.o");
  expect(command(folder, "./program").split("\n")).toEqual([
    "found 7; open: work 52, through a table 8, same address 1, name gadget",
    "found 654321; shut: work -19, through a table -5, same address 0, name none",
    "6 gates, 5 calls, 4096 bytes",
    "",
  ]);
  const { gates, units } = planOf(folder);
  expect(gates.find((gate) => gate.function === "gadget_find")?.answer).toBe("find_spare()");
  expect(units.map(({ section }) => section)).not.toContain(".text.find_spare");
});

test.each([
  ["find_nowhere", /no global function of this build/],
  ["find_static", /no global function of this build/],
  ["spare_uses", /it is no function/],
  ["find_early", /not there once the kernel has booted/],
])("%s cannot answer for a function that left", (answering, says) => {
  const folder = buildCase("driver", { ...answered, "components.yaml": answeringManifest(answering) });
  const { status, stderr } = linkMiniature(folder);
  expect(stderr).toMatch(/components\.yaml:8: \S+ cannot answer for gadget_find\(\).*manifest-answering/);
  expect(stderr).toMatch(says);
  expect(status).toBe(2);
});

test("an alternative jumps inside the function it is copied into", () => {
  const folder = buildCase("driver", {
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
  expect(linkMiniature(folder).stderr).toBe("");
  expect(planOf(folder).refusals).toEqual([]);
});

test("any other call of ld goes to the linker as it is", () => {
  const folder = buildCase("driver");
  const args = ["-r", "-o", "some.o", "core.o", "drivers/gadget.o"];
  execFileSync(linker, args, { cwd: folder });
  const ours = readFileSync(join(folder, "some.o"));
  command(folder, "ld", ...args);
  expect(readFileSync(join(folder, "some.o")).equals(ours)).toBe(true);
  expect(execFileSync(linker, ["--version"], { encoding: "utf8" })).toBe(command(folder, "ld", "--version"));
});

test("code that KASAN adds goes into sections that the kernel has", () => {
  const kasan = ["-fsanitize=kernel-address", "--param=asan-globals=1"];
  const folder = buildCase("driver", {}, { flags: kasan });
  expect(linkMiniature(folder).stderr).toBe("");
  const { refusals, units } = planOf(folder);
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
