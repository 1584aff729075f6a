// SPDX-License-Identifier: Apache-2.0
/**
 * The npm package, installed globally, and the self-contained executable link the demo's kernel as the checkout
 * does. Nothing is compiled: the linker's calls of the finished build are made again, in a folder of links to it.
 */
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jettisonLd } from "../../src/kernel/buildKernel.js";
import { demoJob } from "../../src/kernel/makeKernel.js";
import { projectRoot } from "../../src/root.js";
import { demoKernel } from "../support/demoKernel.js";

let checkout: string;
let folder: string;
beforeAll(async () => {
  ({ output: checkout } = await demoKernel());
  folder = mkdtempSync(join(dirname(checkout), "install-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A PATH in which `node` and `npm` fail. */
function hideNode(): string {
  const bin = join(folder, "no-node");
  mkdirSync(bin);
  for (const name of ["node", "npm"]) writeFileSync(join(bin, name), "#!/bin/sh\nexit 99\n", { mode: 0o755 });
  return `${bin}:${process.env.PATH}`;
}

const linkKernel =
  "-m elf_x86_64 -z noexecstack --no-warn-rwx-segments --emit-relocs --discard-none -z max-page-size=0x200000 " +
  "--build-id=sha1 --script=./arch/x86/kernel/vmlinux.lds -o vmlinux " +
  "--whole-archive vmlinux.o .vmlinux.export.o init/version-timestamp.o --no-whole-archive .tmp_vmlinux2.kallsyms.o";

/** As kbuild calls it: `vmlinux.o`, which objtool then finishes, and `vmlinux`. */
function expectSameKernel(ld: string, path = process.env.PATH): void {
  const build = mkdtempSync(join(folder, "build-"));
  for (const name of readdirSync(checkout))
    if (!["vmlinux", "vmlinux.o", ".jettison"].includes(name))
      symlinkSync(join(checkout, name), join(build, name));
  const run = (command: string, PATH = path) =>
    execFileSync("sh", ["-ec", command], {
      cwd: build,
      env: { ...process.env, PATH, JETTISON_COMPONENTS: demoJob.components.join(":") },
      stdio: "pipe",
    });
  const made = (name: string) => readFileSync(join(build, name));

  const [, command] = /^savedcmd_vmlinux\.o := (.*)$/m.exec(
    readFileSync(join(checkout, ".vmlinux.o.cmd"), "utf8"),
  )!;
  expect(command).toContain(`${jettisonLd} `);
  run(command!.replace(jettisonLd, ld));
  expect(made("vmlinux.o").equals(readFileSync(join(checkout, "vmlinux.o")))).toBe(true);

  run(`${ld} ${linkKernel}`);
  const vmlinux = made("vmlinux");
  run(`${jettisonLd} ${linkKernel}`, process.env.PATH);
  expect(made("vmlinux").equals(vmlinux)).toBe(true);
}

const version = (JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { version: string })
  .version;

test("npm pack, npm install --global without a network: help, man page, the same kernel", () => {
  const prefix = join(folder, "prefix");
  const npm = (...args: string[]) =>
    execFileSync("npm", [...args, "--offline", "--loglevel=error"], { cwd: projectRoot, encoding: "utf8" });
  // The tests' program is built: prepack would build it once more.
  const [{ filename }] = JSON.parse(
    npm("pack", "--ignore-scripts", "--json", "--pack-destination", folder),
  ) as [{ filename: string }];
  npm("install", "--global", "--prefix", prefix, "--no-audit", "--no-fund", join(folder, filename));
  const jettison = (...args: string[]) =>
    execFileSync(join(prefix, "bin/jettison"), args, { cwd: folder, encoding: "utf8" });
  expect(jettison("--version")).toBe(`${version}\n`);
  expect(jettison("--help")).toContain("Usage: jettison");
  expect(readFileSync(join(prefix, "share/man/man1/jettison.1"), "utf8")).toContain(".TH JETTISON 1");
  expectSameKernel(join(prefix, "bin/jettison-ld"));
});

test("the executable, without node: help, the series, the same kernel", () => {
  const executable = join(folder, "jettison");
  execFileSync(join(projectRoot, "scripts/executable/build"), [executable], { stdio: "pipe" });
  const PATH = hideNode();
  const env = { ...process.env, PATH };
  const jettison = (...args: string[]) =>
    execFileSync(executable, args, { cwd: folder, env, encoding: "utf8", maxBuffer: 1 << 28 });
  expect(jettison("--version")).toBe(`${version}\n`);
  expect(jettison("--help")).toContain("Usage: jettison");
  expect(jettison("patches")).toContain("diff --git a/kernel/jettison/");
  const ld = join(folder, "jettison-ld");
  symlinkSync(executable, ld);
  expect(execFileSync(ld, ["--version"], { env, encoding: "utf8" })).toBe(
    execFileSync("ld", ["--version"], { encoding: "utf8" }),
  );
  expectSameKernel(ld, PATH);
});
