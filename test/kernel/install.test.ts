// SPDX-License-Identifier: Apache-2.0
/** The npm package, installed globally, and the self-contained executable link a kernel as the checkout does. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { copyBuild } from "../../src/kernel/copyBuild.js";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { projectRoot } from "../../src/root.js";

let checkout: string;
let folder: string;
beforeAll(async () => {
  ({ output: checkout } = await makeKernel(demoJob));
  folder = mkdtempSync(join(dirname(checkout), "install-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A `node` and an `npm` that fail come first in PATH. */
function hideNode(): void {
  const bin = join(folder, "no-node");
  mkdirSync(bin);
  for (const name of ["node", "npm"]) writeFileSync(join(bin, name), "#!/bin/sh\nexit 99\n", { mode: 0o755 });
  const { PATH } = process.env;
  process.env.PATH = `${bin}:${PATH}`;
  onTestFinished(() => {
    process.env.PATH = PATH;
  });
}

async function expectSameKernel(ld: string): Promise<void> {
  const output = join(folder, "build");
  await copyBuild(checkout, output);
  const { linked } = await makeKernel({ ...demoJob, output, ld });
  expect(linked).toBe(true);
  for (const name of ["vmlinux.o", "vmlinux"]) {
    const same = readFileSync(join(output, name)).equals(readFileSync(join(checkout, name)));
    expect([name, same]).toEqual([name, true]);
  }
}

const version = (JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { version: string })
  .version;

test("npm pack, npm install --global without a network: help, man page, the same kernel", async () => {
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
  await expectSameKernel(join(prefix, "bin/jettison-ld"));
});

test("the executable, without node: help, the series, the same kernel", async () => {
  const executable = join(folder, "jettison");
  execFileSync(join(projectRoot, "scripts/executable/build"), [executable]);
  hideNode();
  const jettison = (...args: string[]) =>
    execFileSync(executable, args, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 28 });
  expect(jettison("--version")).toBe(`${version}\n`);
  expect(jettison("--help")).toContain("Usage: jettison");
  expect(jettison("patches")).toContain("diff --git a/kernel/jettison/");
  const ld = join(folder, "jettison-ld");
  symlinkSync(executable, ld);
  expect(execFileSync(ld, ["--version"], { encoding: "utf8" })).toBe(
    execFileSync("ld", ["--version"], { encoding: "utf8" }),
  );
  await expectSameKernel(ld);
});
