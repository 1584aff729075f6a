// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { identifyCompiler } from "../../../src/kernel/compiler.js";
import { projectRoot } from "../../../src/root.js";

afterEach(() => void vi.unstubAllEnvs());

test("LLVM chooses whose versions name a build", async () => {
  vi.stubEnv("LLVM", "");
  expect(await identifyCompiler()).toMatch(/^gcc .*\nGNU ld /);
  vi.stubEnv("LLVM", "-19");
  expect(await identifyCompiler()).toMatch(/clang version 19\..*\n.*LLD 19\./);
});

test("a compiler that is not there is named, with its packages", async () => {
  vi.stubEnv("LLVM", "-99");
  await expect(identifyCompiler()).rejects.toThrow(
    /-99 is not installed.*apt-get install clang-99 lld-99 llvm-99/,
  );
});

test("figures of clang's kernel do not go into the documentation", () => {
  const { status, stderr } = spawnSync(join(projectRoot, "bin/jettison"), ["demo", "--write"], {
    encoding: "utf8",
    env: { ...process.env, LLVM: "-19" },
  });
  expect(status).toBe(2);
  expect(stderr).toContain("[figures-of-other-kernel]");
});
