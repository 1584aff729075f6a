// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jettisonLd } from "../../../src/kernel/buildKernel.js";
import { findToolchain } from "../../../src/kernel/compiler.js";

let folder: string;
const program = (path: string, text: string) => {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
  mkdirSync(join(folder, "bin"));
  // Whichever of the two is started says so, and with what.
  program(join(folder, "bin/node"), 'shift 2; echo "jettison $*"');
  program(join(folder, "real ld"), 'echo "ld $*"; exit 7');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const link = (wrapper: string, args: string[], cwd = folder) =>
  spawnSync(wrapper, args, {
    cwd,
    encoding: "utf8",
    env: { PATH: `${join(folder, "bin")}:${process.env.PATH}`, JETTISON_LD: join(folder, "real ld") },
  });

const common = "-m elf_x86_64 -z noexecstack --no-warn-rwx-segments";
const final = `${common} --emit-relocs --discard-none --script=./arch/x86/kernel/vmlinux.lds`;

test.each([
  `${common} -r -o vmlinux.o --whole-archive vmlinux.a --no-whole-archive --start-group --end-group`,
  `${final} --strip-debug -o .tmp_vmlinux1 --whole-archive vmlinux.o .vmlinux.export.o`,
  `${final} --strip-debug -o .tmp_vmlinux3 --whole-archive vmlinux.o .vmlinux.export.o`,
  `${final} -o vmlinux.unstripped --whole-archive vmlinux.o .vmlinux.export.o`,
  `${common} -T elsewhere/setup.ld -o kernel vmlinux.o`,
  "vmlinux.o",
  `${final} -o vmlinux --whole-archive vmlinux.a --no-whole-archive --start-group lib/lib.a --end-group`,
])("a link of the kernel is Jettison's: %s", (text) => {
  const { stdout, status } = link(jettisonLd, text.split(" "));
  expect([stdout, status]).toEqual([`jettison ld -- ${text}\n`, 0]);
});

test.each([
  "--version",
  "-v",
  `${common} -r -o drivers/iommu/amd/amd_iommu.o drivers/iommu/amd/init.o`,
  `${common} -r -o fs/vmlinux.o fs/inode.o`,
  `${common} -r --build-id=sha1 -T scripts/module.lds -o drivers/some.ko drivers/some.o`,
  `${common} --no-ld-generated-unwind-info -T arch/x86/boot/compressed/vmlinux.lds -o arch/x86/boot/compressed/vmlinux`,
  `${common} -shared --hash-style=both -T arch/x86/entry/vdso/vdso.lds -o arch/x86/entry/vdso/vdso64.so.dbg`,
  `${common} -o vmlinux hello.o`,
  `${common} -T elsewhere/setup.ld -o vmlinux hello.o`,
])("any other is the linker's own: %s", (text) => {
  const { stdout, status } = link(jettisonLd, text.split(" "));
  expect([stdout, status]).toEqual([`ld ${text}\n`, 7]);
});

test("where vmlinux.o was made, every link that makes no object is looked at", () => {
  const build = join(folder, "build");
  mkdirSync(join(build, ".jettison"), { recursive: true });
  const started = (text: string) => link(jettisonLd, text.split(" "), build).stdout.split(" ")[0];
  expect(started(`${common} -T own.lds -o kernel copy.o`)).toBe("jettison");
  expect(started(`${common} -r -o drivers/some.o drivers/a.o`)).toBe("ld");
  expect(started("--version")).toBe("ld");
});

test("arguments pass as they are, blanks and quotes too, and through a link to the wrapper", () => {
  const wrapper = join(folder, "ld.link");
  symlinkSync(jettisonLd, wrapper);
  program(join(folder, "real ld"), 'for one; do echo "[$one]"; done');
  const args = ["a  b", "", "it's", "*", '"q"', "$HOME"];
  expect(link(wrapper, args).stdout).toBe(args.map((one) => `[${one}]\n`).join(""));
});

test.each([
  [undefined, "ld"],
  ["", "ld"],
  ["1", "ld.lld"],
  ["-19", "ld.lld-19"],
  ["bin/", "bin/ld.lld"],
])("the linker is the one that LLVM=%s chooses for kbuild", (llvm, name) => {
  const found = join(folder, `llvm-${name.replace("/", "-")}`);
  mkdirSync(join(found, "bin"), { recursive: true });
  program(join(found, name), `echo "${name} $*"`);
  program(join(found, "given"), 'echo "given $*"');
  const { stdout } = spawnSync(jettisonLd, ["--version"], {
    ...{ cwd: found, encoding: "utf8" },
    env: { PATH: `${found}:${process.env.PATH}`, ...(llvm === undefined ? {} : { LLVM: llvm }) },
  });
  expect(stdout).toBe(`${name} --version\n`);
  expect(findToolchain(llvm ?? "").linker).toBe(name);
  const given = spawnSync(jettisonLd, ["-v"], {
    ...{ cwd: found, encoding: "utf8" },
    env: { PATH: process.env.PATH, JETTISON_LD: join(found, "given"), LLVM: llvm ?? "" },
  });
  expect(given.stdout).toBe("given -v\n");
});
