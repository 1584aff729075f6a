// SPDX-License-Identifier: Apache-2.0
/** A source with a section of each kind that the catalogue lacks: jettison doctor --source names them before a build. */
import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { examineSource, formatSource } from "../../../src/doctor/examineSource.js";
import { compareSections } from "../../../src/kernel/sourceSections.js";
import { projectRoot } from "../../../src/root.js";
import { temporaryFolder, writeFiles } from "../../support/compile.js";

const tree = {
  Makefile: "VERSION = 6\nPATCHLEVEL = 13\nSUBLEVEL = 2\nEXTRAVERSION =\n",
  "include/linux/kconfig.h": "",
  "include/linux/init.h": '#define __init __section(".init.text")\n',
  "arch/x86/kernel/vmlinux.lds.S": `
    #ifdef CONFIG_JUMP_LABEL
    .table : { KEEP(*(__jump_table __planted_option)) }
    #endif
    .text : { *(.text .text.[0-9a-zA-Z_]* SORT(.planted_sorted.*)) }`,
  "arch/x86/kernel/head_64.S": '\t.section ".head.text","ax"\n',
  "init/main.c": "",
  "kernel/fork.c": "",
  "lib/sort.c": "",
  "mm/slub.c": "",
  "tools/objtool/check.c": 'elf_create_section(file->elf, "__mcount_loc", 8, nr);',
};
const planted = {
  "include/linux/init.h":
    '#define __a __section("__planted_header")\n#define __b(x) __section("__planted_" #x)\n',
  "arch/x86/kernel/head_64.S": '\t.pushsection .planted_assembly, "ax"\n',
  "arch/x86/boot/header.S": '\t.section ".bstext", "ax"\n',
  "kernel/fork.c": 'static int x __attribute__((__section__("__planted_code")));\n',
  "tools/objtool/check.c": 'sec = elf_create_section_pair(file->elf, "__planted_objtool", 4, idx, 0);\n',
  "tools/objtool/arch/loongarch/orc.c": 'elf_create_section(elf, ".other_processor", 8, nr);\n',
};

test("a source without an unknown section is said to have none, except for those of options and patterns", async () => {
  const folder = temporaryFolder();
  writeFiles(folder, tree);
  expect((await compareSections(folder)).unknown).toEqual([
    { name: ".planted_sorted.name", file: "arch/x86/kernel/vmlinux.lds.S" },
    { name: "__planted_option", file: "arch/x86/kernel/vmlinux.lds.S" },
  ]);
});

test("sections of headers, assembly, code and objtool are found; those of other images and processors are not", async () => {
  const folder = temporaryFolder();
  writeFiles(folder, { ...tree, ...planted });
  const { count, unknown } = await compareSections(folder);
  expect(unknown.map(({ name, file }) => `${name} ${file}`)).toEqual([
    ".planted_assembly arch/x86/kernel/head_64.S",
    ".planted_sorted.name arch/x86/kernel/vmlinux.lds.S",
    "__planted_ include/linux/init.h",
    "__planted_code kernel/fork.c",
    "__planted_header include/linux/init.h",
    "__planted_objtool tools/objtool/check.c",
    "__planted_option arch/x86/kernel/vmlinux.lds.S",
  ]);
  expect(count).toBeGreaterThan(unknown.length);
});

test("the examination of a source names its series or what does not apply, and each unknown section", async () => {
  const folder = temporaryFolder();
  writeFiles(folder, { ...tree, ...planted });
  const text = formatSource(await examineSource(folder));
  expect(text).toContain("Linux 6.13.2\n");
  expect(text).toMatch(
    /000\d-\S+ of the series for Linux 6\.12 does not apply to arch\/x86\/kernel\/vmlinux\.lds\.S, hunk #1/,
  );
  expect(text).toMatch(/^ {2}__planted_code {2}kernel\/fork\.c$/m);
  rmSync(join(folder, "Makefile"));
  await expect(examineSource(folder)).rejects.toThrow(/is not a Linux source tree/);
});

test.each([
  ["Makefile", "Makefile"],
  ["arch/x86/kernel/vmlinux.lds.S", "arch/x86/kernel/vmlinux.lds.S"],
  ["include/linux/kconfig.h", "include/linux/kconfig.h"],
  ["tools", "tools/objtool"],
  ["mm", "mm"],
])("a tree without %s is answered as no whole kernel source, by its name", async (gone, named) => {
  const folder = temporaryFolder();
  writeFiles(folder, tree);
  rmSync(join(folder, gone), { recursive: true });
  await expect(examineSource(folder)).rejects.toThrow(
    new RegExp(`is not a Linux source tree: it \\S+( no)? ${named}\\b.*\\[source-not-kernel\\]$`),
  );
});

test("Ctrl-C while a series is tried leaves no folder behind", () => {
  const folder = temporaryFolder();
  writeFiles(folder, tree);
  // Ctrl-C comes while patch runs.
  writeFiles(folder, { "bin/patch": "#!/bin/sh\nkill -INT $PPID\nsleep 20\n", "tmp/.keep": "" });
  chmodSync(join(folder, "bin/patch"), 0o755);
  const { status } = spawnSync(join(projectRoot, "bin/jettison"), ["doctor", "--source", folder], {
    env: { ...process.env, PATH: `${join(folder, "bin")}:${process.env.PATH}`, TMPDIR: join(folder, "tmp") },
  });
  expect(status).toBe(130);
  expect(readdirSync(join(folder, "tmp"))).toEqual([".keep"]);
});
