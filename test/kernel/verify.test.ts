// SPDX-License-Identifier: Apache-2.0
/** The proof on the demo's kernel: its instructions, and that a stray call in it is found. */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mapImage } from "../../src/9-verify/imageMap.js";
import { verifyBuild } from "../../src/9-verify/verifyBuild.js";
import { readImage } from "../../src/elf/image.js";
import { temporaryFolder } from "../support/compile.js";
import { demoKernel } from "../support/demoKernel.js";
import { compareWithObjdump } from "../support/objdump.js";

const build = await demoKernel();

test("every instruction of the kernel is as long as objdump says", async () => {
  const { instructions, differing } = await compareWithObjdump(join(build.output, "vmlinux"));
  expect(differing).toEqual([]);
  expect(instructions).toBeGreaterThan(1_000_000);
});

test("the finished image is proved, from its instructions and its list of addresses", async () => {
  const { image } = verifyBuild(build.output);
  expect(image.harmless.gate).toBeGreaterThan(100);
  expect(image.looked.instructions).toBeGreaterThan(1_000_000);
  expect(image.looked["absolute addresses"]).toBeGreaterThan(10_000);
});

test("a stray call in the finished image is found", async () => {
  const folder = temporaryFolder();
  const list = "arch/x86/boot/compressed";
  mkdirSync(join(folder, list), { recursive: true });
  cpSync(join(build.output, ".jettison/claims.json"), join(folder, ".jettison/claims.json"));
  for (const file of ["vmlinux", "vmlinux.o", `${list}/vmlinux.relocs`])
    copyFileSync(join(build.output, file), join(folder, file));
  const image = readFileSync(join(folder, "vmlinux"));
  // Read as a whole, so that a place in it is one in the file.
  const map = mapImage(readImage("vmlinux", image), []);
  const from = map.addresses.get("schedule_timeout")!;
  const to = map.addresses.get("dmar_device_add")!;
  const at = map.offsetOf(from, 9)!;
  image[at + 4] = 0xe8; // behind its endbr64
  image.writeInt32LE(to - (from + 9), at + 5);
  writeFileSync(join(folder, "vmlinux"), image);
  expect(() => verifyBuild(folder)).toThrow(/\(schedule_timeout\) may outlive .*\(dmar_device_add\)/);
});
