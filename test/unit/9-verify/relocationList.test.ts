// SPDX-License-Identifier: Apache-2.0
/**
 * `vmlinux.relocs` says which numbers of a finished kernel are addresses. One that an earlier kernel has left behind
 * says so of that one, and must not have the proof overlook anything.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readRelocationList } from "../../../src/9-verify/relocationList.js";
import { diagnoseBuild, examineBuild } from "../../../src/9-verify/verifyBuild.js";
import { verifyImage } from "../../../src/9-verify/verifyImage.js";
import { readImage } from "../../../src/elf/image.js";
import { command } from "../../support/compile.js";
import { inText } from "../../support/plantedCode.js";
import {
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

const imageAt = (path: string) => readImage("vmlinux", readFileSync(path));

test("a list whose fields hold no addresses is of another kernel, and numbers count as addresses then", () => {
  verifyPlanted(kernel, inText("mov $gadget_work, %rax\nret"));
  const planted = join(kernel.folder, "planted-vmlinux");
  const verify = (change: (list: Buffer) => Buffer) => {
    const list = change(listRelocations(imageAt(planted)));
    return verifyImage(
      imageAt(`${planted}.stripped`),
      kernel.claims,
      readRelocationList("vmlinux.relocs", list),
    );
  };
  const own = verify((list) => list);
  expect(own.looked["absolute addresses"]).toBeGreaterThan(5);
  expect(own.looked["list of another kernel"]).toBeUndefined();
  const move = (by: number) => (list: Buffer) => {
    for (let at = 0; at < list.byteLength; at += 4)
      if (list.readInt32LE(at) !== 0) list.writeInt32LE(list.readInt32LE(at) + by, at);
    return list;
  };
  const empty = verify(() => Buffer.alloc(12));
  expect(empty.violations.map(({ from }) => from)).toEqual([expect.stringContaining("(planted)")]);
  for (const by of [2, 4096, -0x1000000]) {
    const { looked, violations } = verify(move(by));
    expect([by, looked["list of another kernel"]]).toEqual([by, 1]);
    expect(violations.map(({ from }) => from)).toEqual([expect.stringContaining("(planted)")]);
  }
});

test("a list that is older than the link is not asked", () => {
  const { folder } = kernel;
  // The list is that of the kernel without what is planted, each of whose fields is right.
  const listFile = join(folder, "arch/x86/boot/compressed/vmlinux.relocs");
  mkdirSync(dirname(listFile), { recursive: true });
  writeFileSync(listFile, listRelocations(imageAt(join(folder, "vmlinux"))));
  verifyPlanted(kernel, inText("mov $gadget_work, %rax\nret"));
  for (const name of ["vmlinux", "vmlinux.o"]) renameSync(join(folder, name), join(folder, `${name}.good`));
  command(folder, "cp", "planted-vmlinux.stripped", "vmlinux");
  command(folder, "cp", "vmlinux.o.good", "vmlinux.o");
  const before = new Date(Date.now() - 3_600_000);
  utimesSync(listFile, before, before);
  const found = examineBuild(folder);
  expect(found.image.looked["absolute addresses"]).toBeUndefined();
  expect(diagnoseBuild(found).map(({ code }) => code)).toEqual(["reference-outlives"]);
  rmSync(listFile);
  expect(diagnoseBuild(examineBuild(folder))).toHaveLength(1);
});

test.each([
  [
    "6.12",
    [0, -8, 0, -4, 0, -12],
    [
      [-8, 8, false],
      [-4, 4, true],
      [-12, 4, false],
    ],
  ],
  [
    "7.3, which has no fields that go down",
    [0, -8, 0, -12],
    [
      [-8, 8, false],
      [-12, 4, false],
    ],
  ],
] as const)("the lists of %s are told apart", (_, words, fields) => {
  const list = Buffer.from(Int32Array.from(words).buffer);
  expect(
    [...readRelocationList("vmlinux.relocs", list)].map(({ address, width, isDistance }) => [
      address,
      width,
      isDistance,
    ]),
  ).toEqual(fields);
});
