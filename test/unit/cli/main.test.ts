// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { projectRoot } from "../../../src/root.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const jettison = (args: string[], env: Record<string, string> = {}) =>
  spawnSync(join(projectRoot, "bin/jettison"), args, {
    encoding: "utf8",
    cwd: folder,
    env: { ...process.env, JETTISON_CACHE: join(folder, "cache"), ...env },
  });

test("help and version end with 0", () => {
  const help = jettison(["--help"]);
  expect(help.status).toBe(0);
  for (const name of ["demo", "build", "boot", "ld", "patches", "doctor"])
    expect(help.stdout).toMatch(new RegExp(`^  ${name}\\b`, "m"));
  expect(jettison(["--version"])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
});

test.each([
  ["no command of ours", ["nope"]],
  ["an option that is missing", ["build", "--source", "."]],
  ["a source that is none", ["build", "--source", "nowhere", "--output", "out"]],
  ["a kernel that has no series", ["patches", "2.6"]],
  ["a machine that is none", ["boot", "image", "--machine", "toaster"]],
  ["an image that is none", ["boot", "image", "--machine", "q35"]],
])("%s ends with 2, one message and no stack", (_, args) => {
  const { status, stderr } = jettison(args);
  expect(status).toBe(2);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stderr).toMatch(/\S/);
});

test("the output has to be outside the source", () => {
  writeFileSync(join(folder, "Makefile"), "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n");
  const { status, stderr } = jettison(["build", "--source", ".", "--output", "build"]);
  expect(status).toBe(2);
  expect(stderr).toContain("[output-inside-source]");
  expect(existsSync(join(folder, "build"))).toBe(false);
});

test("a tree without a configuration is told so, and what was to be built leaves nothing", () => {
  mkdirSync(join(folder, "tree"));
  writeFileSync(join(folder, "tree/Makefile"), "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n");
  const { status, stderr } = jettison(["build", "--source", "tree", "--output", "build"]);
  expect(status).toBe(2);
  expect(stderr).toContain("[config-missing]");
  expect(readdirSync(folder)).toEqual(["tree"]);
});

test("doctor names what is missing and what installs it", () => {
  const all = jettison(["doctor"]);
  expect([all.status, all.stderr]).toEqual([0, ""]);
  const { findings } = JSON.parse(jettison(["doctor", "--json"]).stdout) as { findings: { what: string }[] };
  expect(findings.map(({ what }) => what)).toContain("Debian packages");

  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "dpkg-query"), "#!/bin/sh\necho installed gcc\n", { mode: 0o755 });
  const some = jettison(["doctor"], { PATH: `${bin}:${process.env.PATH}` });
  expect(some.status).toBe(1);
  expect(some.stdout).toMatch(/apt-get install .*\bflex\b/);
  expect(some.stdout).not.toMatch(/apt-get install .*\bgcc\b/);
});

test("the series comes as JSON too", () => {
  const { version, patches } = JSON.parse(jettison(["patches", "--json"]).stdout) as {
    version: string;
    patches: { name: string; text: string }[];
  };
  expect(version).toMatch(/^\d+\.\d+$/);
  expect(patches.map(({ text }) => text).join("\n")).toBe(jettison(["patches", version]).stdout);
});

/** The processes whose command line holds a word. */
const processesWith = (word: string) =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word);
    } catch {
      return false; // it has ended
    }
  });

test("Ctrl-C ends make and all that it started, with 130", async () => {
  const seconds = `3${process.pid}`; // tells our sleepers from anybody else's
  writeFileSync(join(folder, "Makefile"), `all: a b\na b:\n\tsh -c 'sleep ${seconds}; true'\n`);
  const script = join(folder, "run.mjs");
  writeFileSync(
    script,
    `const { run } = await import(${JSON.stringify(join(projectRoot, "dist/process.js"))});
     await run(["make", "-j2", "-C", ${JSON.stringify(folder)}]);`,
  );
  const child = spawn(process.execPath, [script], { stdio: "ignore" });
  const ended = once(child, "exit");
  while (processesWith(`sleep ${seconds}`).length < 2) await sleep(20);
  child.kill("SIGINT");
  expect(await ended).toEqual([130, null]);
  await expect.poll(() => processesWith(seconds), { timeout: 5000 }).toEqual([]);
});
