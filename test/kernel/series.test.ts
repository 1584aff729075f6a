// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exportSeries } from "../../src/kernel/exportSeries.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";
import { demoKernel, readSeries, touchedFiles } from "../../src/kernel/series.js";
import { stageNearest, stageSeries } from "../../src/kernel/stageSeries.js";
import { testedVersions } from "../support/testedVersions.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A tree of the files that the series touches: one of all 90,000 takes minutes to make. */
async function copyTouched(version: string): Promise<string> {
  const pristine = await fetchSource(version);
  const tree = join(folder, "tree");
  for (const path of readSeries(version).patches.flatMap(touchedFiles)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    if (existsSync(join(pristine, path))) copyFileSync(join(pristine, path), join(tree, path));
  }
  return tree;
}

test.each(testedVersions)(
  "a tree of a version without a series takes the nearest series that applies: %s",
  async (version) => {
    const tree = await copyTouched(version);
    const [major, minor] = version.split(".").map(Number) as [number, number];
    const staged = await stageNearest(tree, `${major}.${minor + 1}`);
    expect(staged.series).toBe(version);
    expect(staged.files).toEqual(await stageSeries(tree, readSeries(version)));
    // The series of the version itself is the only one that its tree may get.
    writeFileSync(join(tree, "init/main.c"), "quite\ndifferent\n");
    await expect(stageNearest(tree, version)).rejects.toThrow(
      new RegExp(
        `00(?:28|30)-.* of the series for Linux ${version} does not apply to init/main\\.c, hunk #1, line \\d+`,
      ),
    );
    await expect(stageNearest(tree, `${major}.${minor + 1}`)).rejects.toThrow(
      /does not apply to init\/main\.c/,
    );
  },
);

test.each(testedVersions)("git am takes the series of %s on the pristine tree", async (version) => {
  const series = readSeries(version);
  const pristine = await fetchSource(version);
  const tree = await copyTouched(version);
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", tree, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
      encoding: "utf8",
    });
  git("init", "-q");
  git("add", ".");
  git("commit", "-qm", "pristine");
  const patches = exportSeries(series);
  writeFileSync(join(folder, "series.mbox"), patches.map(({ text }) => text).join("\n"));
  git("am", "-q", "--whitespace=error-all", join(folder, "series.mbox"));
  expect(git("log", "--oneline").trim().split("\n").length).toBe(patches.length + 1);
  // A build gets the same files as a maintainer.
  for (const [path, content] of await stageSeries(pristine, series))
    expect(readFileSync(join(tree, path)).equals(content), path).toBe(true);
});

test.each(testedVersions)(
  "pointers to per-CPU memory do not look like addresses of components: %s",
  async (version) => {
    const tree = await copyTouched(version);
    const files = new Map(await stageSeries(tree, readSeries(version)));
    const script = files.get("arch/x86/kernel/vmlinux.lds.S")!.toString();
    const place = (words: string) => {
      const at = script.indexOf(words);
      expect(at, words).toBeGreaterThan(0);
      return at;
    };
    if (version !== "7.3") {
      // Linked at 0, per-CPU variables and what is allocated behind them have small numbers.
      place("PERCPU_VADDR(");
      return;
    }
    const behind = place("PERCPU_SECTION(");
    for (const kind of ["text", "rodata", "data"])
      expect(place(`*(SORT_BY_NAME(.${kind}..jettison.*))`), kind).toBeLessThan(behind);
    // The zeros of the kernel itself lie between.
    expect(place("*(SORT_BY_NAME(.bss..jettison.*))")).toBeGreaterThan(place("*(BSS_MAIN)"));
  },
);

/** Patterns of a linker script, a label in assembly, and a macro that is empty in modules, which checkpatch takes for C. */
const misread: Readonly<Record<string, readonly string[]>> = {
  "0002": [
    "WARNING: Argument 'component' is not used in function-like macro",
    "WARNING: Argument 'kind' is not used in function-like macro",
    'WARNING: Prefer __section("." kind "..component." component) over __attribute__((__section__("." kind "..component." component)))',
  ],
  "0005": [
    "CHECK: spaces preferred around that '*' (ctx:ExV)",
    "CHECK: spaces preferred around that '*' (ctx:VxB)",
    "CHECK: spaces preferred around that '*' (ctx:VxW)",
  ],
  "0022": ["CHECK: spaces preferred around that '%' (ctx:WxV)"],
};

/** The same of a version whose patch differs there. */
const misreadIn: Readonly<Record<string, typeof misread>> = {
  "6.1": {
    "0005": [
      "CHECK: spaces preferred around that '*' (ctx:ExV)",
      "CHECK: spaces preferred around that '*' (ctx:VxB)",
    ],
  },
  "7.3": {
    "0005": [
      "CHECK: spaces preferred around that '*' (ctx:ExV)",
      "CHECK: spaces preferred around that '*' (ctx:VxB)",
    ],
  },
};

test.each(testedVersions)("checkpatch --strict accepts the series of %s", async (version) => {
  // One script for all series: what it complains of differs between versions.
  const checkpatch = join(await fetchSource(demoKernel), "scripts/checkpatch.pl");
  const check = (text: string) => {
    const { stdout } = spawnSync(
      checkpatch,
      // There is no entry in MAINTAINERS: the series has no maintainer there yet.
      ["--strict", "--no-tree", "--ignore=FILE_PATH_CHANGES", "-"],
      { input: text, encoding: "utf8", maxBuffer: 1 << 26 },
    );
    expect(stdout).toMatch(/^total: /m);
    return [...new Set(stdout.match(/^(?:ERROR|WARNING|CHECK): .*$/gm) ?? [])].sort();
  };
  const known = { ...misread, ...misreadIn[version] };
  for (const { name, text } of exportSeries(readSeries(version)))
    expect([name, check(text)]).toEqual([name, [...(known[name.slice(0, 4)] ?? [])].sort()]);
  const patch = exportSeries(readSeries(version)).find(({ name }) => name.startsWith("0009-"));
  const wrong = patch!.text.replace(/^Signed-off-by: .*\n/m, "");
  expect(check(wrong)).toEqual(["ERROR: Missing Signed-off-by: line(s)"]);
});
