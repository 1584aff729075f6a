// SPDX-License-Identifier: Apache-2.0
/**
 * The linker stores a string that is the end of another one only once. Where a region's strings are still allowed to
 * be merged, what stays then points into the region, and nothing shows that but the image.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Claims } from "../../../src/9-verify/claims.js";
import { verifyImage } from "../../../src/9-verify/verifyImage.js";
import { verifyObject } from "../../../src/9-verify/verifyObject.js";
import { readImage } from "../../../src/elf/image.js";
import { readObject } from "../../../src/elf/object.js";
import { command, temporaryFolder, writeFiles } from "../../support/compile.js";

const claims: Claims = {
  version: 1,
  regions: [{ name: "00", kind: "rodata", pages: 1, owners: ["amd-vi"] }],
  padding: [],
  allowances: [],
};

const kernel = (residentString: string, regionFlags: string) => `
  .text
  .globl startup
  .type startup, @function
  startup: lea 1f(%rip), %rdi
  hlt
  .size startup, . - startup
  .section .rodata.str1.1, "aMS", @progbits, 1
  1: .asciz "${residentString}"
  .section .rodata..jettison.00.0, "a"
  .balign 4096
  .globl __jettison_region_00_start
  __jettison_region_00_start: .fill 16, 1, 0xcc
  .section .rodata..jettison.00.1, ${regionFlags}
  .asciz "amd iommu: enabled"
  .section .rodata..jettison.00.2, "a"
  .fill 16, 1, 0xcc
  .section .rodata, "a"
  .globl jettison_regions, jettison_nr_regions, jettison_components, jettison_owners
  jettison_regions: .quad __jettison_region_00_start, __jettison_region_00_end
  .long 0, 1, 1, 0
  .type jettison_regions, @object
  .size jettison_regions, 32
  jettison_nr_regions: .long 1, 0
  jettison_owners: .short 0, 0, 0, 0
  jettison_components: .quad 2f, 0, 0, 0
  2: .asciz "amd-vi"`;

const script = `
SECTIONS
{
  . = 0xffffffff81000000;
  .text : { *(.text) }
  . = ALIGN(4096);
  .rodata : {
    *(.rodata..jettison.00.0) *(.rodata..jettison.00.1)
    FILL(0xcccccccc); . = ALIGN(4096) - 16; *(.rodata..jettison.00.2)
    __jettison_region_00_end = .;
    *(.rodata .rodata.str1.1)
  }
  /DISCARD/ : { *(.comment) *(.note*) }
}`;

function verify(residentString: string, regionFlags: string) {
  const folder = temporaryFolder();
  writeFiles(folder, { "kernel.S": kernel(residentString, regionFlags), "kernel.lds": script });
  command(folder, "gcc", "-c", "-o", "kernel.o", "kernel.S");
  command(
    folder,
    "ld",
    "-z",
    "noexecstack",
    "--emit-relocs",
    "-T",
    "kernel.lds",
    "-e",
    "startup",
    "-o",
    "kernel",
    "kernel.o",
  );
  const load = (name: string) => readFileSync(join(folder, name));
  return {
    object: verifyObject(readObject("kernel.o", load("kernel.o")), { ...claims, regions: [] }),
    image: verifyImage(readImage("kernel", load("kernel")), claims),
  };
}

const mergeable = '"aMS", @progbits, 1';

test("a resident string that was merged into a region's is found, with both ends", () => {
  const { object, image } = verify("iommu: enabled", mergeable);
  expect(object.violations).toEqual([]);
  expect(image.misplaced).toEqual([]);
  expect(image.violations).toEqual([
    { from: "kernel:(.text)+0x0 (startup)", to: "kernel:(.rodata)+0x14 of region 00" },
  ]);
});

test.each([
  ["a string of its own", "nothing alike", mergeable],
  ["strings that may not be merged", "iommu: enabled", '"a"'],
])("%s does no harm", (_, residentString, flags) => {
  const { image } = verify(residentString, flags);
  expect(image.violations).toEqual([]);
  expect(image.misplaced).toEqual([]);
});
