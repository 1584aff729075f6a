// SPDX-License-Identifier: Apache-2.0
/** A path to an image stands for its files; QEMU executes them with KVM or by itself. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { JettisonError } from "../../../src/diagnostics.js";
import { chooseAccelerator } from "../../../src/machine/accelerator.js";
import { fileFor, findImage } from "../../../src/machine/image.js";
import { loadMachine } from "../../../src/machine/machine.js";

const [q35, microvm] = [loadMachine("q35"), loadMachine("microvm")];
const cache = process.env.JETTISON_CACHE;
let folder: string;
let bzImage: string;
let vmlinux: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
  process.env.JETTISON_CACHE = join(folder, "cache");
  bzImage = join(folder, "vmlinuz");
  const header = Buffer.alloc(4096);
  header.write("HdrS", 0x202);
  writeFileSync(bzImage, header);
  writeFileSync(join(folder, "empty.c"), "");
  vmlinux = join(folder, "vmlinux");
  execFileSync("gcc", ["-c", "-o", vmlinux, join(folder, "empty.c")]);
});
afterAll(() => {
  if (cache === undefined) delete process.env.JETTISON_CACHE;
  else process.env.JETTISON_CACHE = cache;
  rmSync(folder, { recursive: true, force: true });
});

async function codeFor(given: string, machine = q35): Promise<readonly string[]> {
  try {
    return [`no error: ${fileFor(await findImage(given), machine)}`];
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return error.diagnostics.map(({ code }) => code);
  }
}

function makePackage(name: string, kernels: readonly string[]): string {
  const root = join(folder, name);
  mkdirSync(join(root, "DEBIAN"), { recursive: true });
  mkdirSync(join(root, "boot"));
  writeFileSync(
    join(root, "DEBIAN/control"),
    `Package: ${name}\nVersion: 1\nArchitecture: all\nMaintainer: test <test@example.invalid>\nDescription: test\n`,
  );
  for (const kernel of kernels) copyFileSync(bzImage, join(root, "boot", kernel));
  execFileSync("dpkg-deb", ["-b", root, `${root}.deb`], { stdio: "ignore" });
  return `${root}.deb`;
}

test("a bzImage is started by a board, a vmlinux by PVH, and neither by the other", async () => {
  expect(fileFor(await findImage(bzImage), q35)).toBe(bzImage);
  expect(fileFor(await findImage(vmlinux), microvm)).toBe(vmlinux);
  expect(await codeFor(bzImage, microvm)).toEqual(["image-missing"]);
  expect(await codeFor(vmlinux, q35)).toEqual(["image-missing"]);
});

test("a build folder holds both", async () => {
  const build = join(folder, "build");
  mkdirSync(join(build, "arch/x86/boot"), { recursive: true });
  copyFileSync(bzImage, join(build, "arch/x86/boot/bzImage"));
  copyFileSync(vmlinux, join(build, "vmlinux"));
  expect(fileFor(await findImage(build), q35)).toBe(join(build, "arch/x86/boot/bzImage"));
  expect(fileFor(await findImage(build), microvm)).toBe(join(build, "vmlinux"));
});

test("the kernel of a Debian package is unpacked", async () => {
  const file = fileFor(await findImage(makePackage("linux-image-test", ["vmlinuz-6.12"])), q35);
  expect(readFileSync(file).equals(readFileSync(bzImage))).toBe(true);
  expect(await codeFor(makePackage("linux-headers-test", []))).toEqual(["image-missing"]);
  expect(await codeFor(makePackage("linux-images-test", ["vmlinuz-1", "vmlinuz-2"]))).toEqual([
    "image-missing",
  ]);
});

test("what is none is named", async () => {
  expect(await codeFor(join(folder, "missing"))).toEqual(["image-missing"]);
  expect(await codeFor(join(folder, "empty.c"))).toEqual(["image-missing"]);
  writeFileSync(join(folder, "broken.deb"), "!<arch>\nnothing");
  expect(await codeFor(join(folder, "broken.deb"))).toEqual(["image-missing"]);
});

test("auto takes no KVM where there is none, nor where no guest comes as far as its console", async () => {
  expect(await chooseAccelerator("tcg", bzImage, q35)).toBe("tcg");
  expect(await chooseAccelerator("kvm", bzImage, q35)).toBe("kvm");
  expect(await chooseAccelerator("auto", bzImage, q35, join(folder, "no-device"))).toBe("tcg");
  // A device that is there; but this image says nothing, whether KVM works here or not.
  expect(await chooseAccelerator("auto", bzImage, q35, bzImage)).toBe("tcg");
});
