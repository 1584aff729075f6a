// SPDX-License-Identifier: Apache-2.0
/**
 * The proof finds what is wrong. Each case plants one violation in a kernel that passes, and says which of the four
 * forms of the proof must find it: in `vmlinux.o`, in the image with the linker's relocations, in a finished image
 * with `vmlinux.relocs`, and in one with nothing at all. A case leaves out the letters of the forms that cannot see it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readRelocationList } from "../../../src/9-verify/relocationList.js";
import { verifyImage } from "../../../src/9-verify/verifyImage.js";
import { readImage } from "../../../src/elf/image.js";
import { command } from "../../support/compile.js";
import { everywhere, inSection, inText, planted } from "../../support/plantedCode.js";
import {
  expectClean,
  forms,
  type Kernel,
  linkKernel,
  listRelocations,
  removeKernel,
  verifyPlanted,
} from "../../support/verifyKernel.js";

let kernel: Kernel;
beforeAll(() => {
  kernel = linkKernel();
});
afterAll(() => removeKernel(kernel));

test("the kernel passes before anything is planted", () => {
  const levels = verifyPlanted(kernel, undefined);
  expectClean(levels);
  expect(levels.object.harmless.gate).toBe(4);
  for (const form of forms) expect(levels[form].harmless["called while booting"]).toBe(2);
});

test.each(planted)(
  "$what is found, with both ends",
  ({ assembly, found = everywhere, from, to, count = 1 }) => {
    const levels = verifyPlanted(kernel, assembly);
    for (const form of found.split(" ") as (typeof forms)[number][]) {
      const { violations } = levels[form];
      expect([form, ...violations]).toHaveLength(1 + count);
      expect(violations[0]!.from).toMatch(from ?? /\(planted\)$/);
      expect(violations[0]!.to).toMatch(to ?? /\.text.*gadget_work/);
    }
    // It is the target that counts: the same, aimed at what stays, is none.
    expectClean(verifyPlanted(kernel, assembly.replaceAll(/(jettison_gate_)?gadget_work/g, "resident")));
  },
);

test("an address in code is found though only other sections have kept their relocations", () => {
  verifyPlanted(kernel, inText("mov $gadget_work, %rax\nret"));
  const partly = join(kernel.folder, "partly");
  command(
    kernel.folder,
    "objcopy",
    "--remove-section=.rela.text",
    join(kernel.folder, "planted-vmlinux"),
    partly,
  );
  const image = readImage("vmlinux", readFileSync(partly));
  expect(image.sections.map(({ name }) => name)).toEqual(expect.arrayContaining([".rela.init.text"]));
  const list = listRelocations(readImage("vmlinux", readFileSync(join(kernel.folder, "planted-vmlinux"))));
  for (const relocations of [undefined, readRelocationList("vmlinux.relocs", list)])
    expect(verifyImage(image, kernel.claims, relocations).violations).toHaveLength(1);
});

test.each([
  ["a pointer one past the end of what comes before", ".quad __jettison_region_00_start"],
  ["a pointer just before what comes after", ".quad __jettison_region_02_end - 8"],
])("%s is none into the region", (_, data) => {
  const { image, finished, bare } = verifyPlanted(kernel, inSection(".data", "aw", data));
  for (const { violations } of [image, finished, bare]) expect(violations).toEqual([]);
});

test.each([
  ["where a warning stands", "__bug_table", ".long gadget_work - ."],
  ["a record of the tracer", "__mcount_loc", ".quad gadget_work"],
  ["a lock prefix", ".smp_locks", ".long gadget_work - ."],
  ["a return that is patched", ".return_sites", ".long gadget_work - ."],
  ["what no probe may touch", "_kprobe_blacklist", ".quad gadget_work"],
  ["the unwinder's table", ".orc_unwind_ip", ".long gadget_work - ."],
])("%s only describes", (_, section, data) => {
  const levels = verifyPlanted(kernel, inSection(section, "a", data));
  for (const form of forms) expect(levels[form].violations).toEqual([]);
});

test("the kernel's own table of symbols only describes, as far as it goes", () => {
  const table = `
    .section .rodata, "a"
    .globl kallsyms_num_syms, kallsyms_offsets
    kallsyms_num_syms: .long 2
    kallsyms_offsets: .long gadget_work - ., gadget_work - .`;
  for (const [rows, count] of [
    [table, 0],
    [`${table}\n.long gadget_work - .`, 1],
  ] as const)
    expect(verifyPlanted(kernel, rows).image.violations).toHaveLength(count);
});
