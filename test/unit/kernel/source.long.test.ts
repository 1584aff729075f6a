// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JettisonError } from "../../../src/diagnostics.js";
import { exportSeries } from "../../../src/kernel/exportSeries.js";
import { fetchSource } from "../../../src/kernel/fetchSource.js";
import { withSharedLock } from "../../../src/kernel/lock.js";
import { preparePrivateSource } from "../../../src/kernel/preparePrivateSource.js";
import { nearestVersions, type Series, supportedVersions } from "../../../src/kernel/series.js";
import { readKernelVersion } from "../../../src/kernel/version.js";

let folder: string;
let tree: string;
const cacheBefore = process.env.JETTISON_CACHE;

const write = (path: string, content: string) => {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), content);
};

const makefile = (version: string, patch: string) =>
  `# SPDX-License-Identifier: GPL-2.0\nVERSION = ${version}\nPATCHLEVEL = ${patch}\nSUBLEVEL = 7\nEXTRAVERSION =\nNAME = A Tree\n`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
  tree = join(folder, "tree");
  process.env.JETTISON_CACHE = join(folder, "cache");
  write("Makefile", makefile("6", "12"));
  write("init/main.c", "one\ntwo\nthree\nfour\nfive\n");
  write("mm/other.c", "other\n");
  write("scripts/run.sh", "#!/bin/sh\n");
  chmodSync(join(tree, "scripts/run.sh"), 0o755);
});

afterEach(() => {
  if (cacheBefore === undefined) delete process.env.JETTISON_CACHE;
  else process.env.JETTISON_CACHE = cacheBefore;
  rmSync(folder, { recursive: true, force: true });
});

/** A patch in the form of `git format-patch`: its subject, and what follows the three dashes. */
const patchText = (
  subject: string,
  changes: string,
) => `From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: A Maintainer <maintainer@example.org>
Date: Fri, 2 Jan 2026 03:04:05 +0000
Subject: [PATCH] ${subject}

Why.
---
${changes}`;

const hook = (line: string): Series => ({
  version: "6.12",
  files: [["kernel/jettison/core.c", "core\n"]],
  messages: [],
  patches: [
    {
      name: "0001-hook.patch",
      text: patchText(
        "init: a hook",
        `diff --git a/init/main.c b/init/main.c
--- a/init/main.c
+++ b/init/main.c
@@ -1,5 +1,6 @@
 one
 two
 three
+${line}
 four
 five
`,
      ),
    },
  ],
});

const nothing: Series = { version: "6.12", files: [], messages: [], patches: [] };

/** Path, content, mode and time of all files of a tree. */
const fingerprint = (root: string) =>
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .sort()
    .filter((path) => statSync(join(root, path)).isFile())
    .map((path) => {
      const { mode, mtimeMs } = statSync(join(root, path));
      return [path, readFileSync(join(root, path), "utf8"), mode, mtimeMs];
    });

const codesOf = async (work: () => unknown): Promise<string[]> => {
  try {
    await work();
    return [];
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return error.diagnostics.map(({ code }) => code);
  }
};

test("the copy is patched, the tree is only read", async () => {
  const before = fingerprint(tree);
  const made = await preparePrivateSource({ source: tree, series: hook("hook") });
  expect(fingerprint(tree)).toEqual(before);
  expect(made).toMatchObject({ version: "6.12", release: "6.12.7", series: "6.12" });
  expect(readFileSync(join(made.folder, "init/main.c"), "utf8")).toBe("one\ntwo\nthree\nhook\nfour\nfive\n");
  expect(readFileSync(join(made.folder, "kernel/jettison/core.c"), "utf8")).toBe("core\n");
  expect(statSync(join(made.folder, "scripts/run.sh")).mode & 0o777).toBe(0o755);
});

test("a second run changes nothing, an edit exactly what it edits", async () => {
  const { folder: copy } = await preparePrivateSource({ source: tree, series: hook("hook") });
  const before = fingerprint(copy);
  await preparePrivateSource({ source: tree, series: hook("hook") });
  expect(fingerprint(copy)).toEqual(before);

  write("mm/other.c", "edited\n");
  write("mm/added.c", "added\n");
  rmSync(join(tree, "scripts/run.sh"));
  await preparePrivateSource({ source: tree, series: hook("hook") });
  const changed = new Set(["mm/other.c", "mm/added.c", "scripts/run.sh"]);
  expect(fingerprint(copy).filter(([path]) => !changed.has(path as string))).toEqual(
    before.filter(([path]) => !changed.has(path as string)),
  );
  expect(readFileSync(join(copy, "mm/other.c"), "utf8")).toBe("edited\n");
  expect(existsSync(join(copy, "mm/added.c"))).toBe(true);
  expect(existsSync(join(copy, "scripts/run.sh"))).toBe(false);
});

test("an edit of a patched file and a new series meet; what a series no longer has goes", async () => {
  const first = await preparePrivateSource({ source: tree, series: hook("hook") });
  write("init/main.c", "zero\none\ntwo\nthree\nfour\nfive\n");
  const second = await preparePrivateSource({ source: tree, series: { ...hook("other hook"), files: [] } });
  expect(second.folder).toBe(first.folder);
  expect(second.seriesHash).not.toBe(first.seriesHash);
  expect(readFileSync(join(second.folder, "init/main.c"), "utf8")).toBe(
    "zero\none\ntwo\nthree\nother hook\nfour\nfive\n",
  );
  expect(existsSync(join(second.folder, "kernel/jettison/core.c"))).toBe(false);
  await preparePrivateSource({ source: tree, series: nothing });
  expect(readFileSync(join(second.folder, "init/main.c"), "utf8")).toBe(
    "zero\none\ntwo\nthree\nfour\nfive\n",
  );
});

test("the copy is not changed while a build reads it, and is shared where nothing changes", async () => {
  const prepare = () => preparePrivateSource({ source: tree, series: hook("hook") });
  const { folder: copy, lock } = await prepare();
  const other = () => readFileSync(join(copy, "mm/other.c"), "utf8");
  let edited: Promise<unknown> | undefined;
  await withSharedLock(lock, async () => {
    expect((await prepare()).folder).toBe(copy);
    write("mm/other.c", "edited\n");
    let isDone = false;
    edited = prepare().then(() => {
      isDone = true;
    });
    await sleep(700);
    expect([isDone, other()]).toEqual([false, "other\n"]);
  });
  await edited;
  expect(other()).toBe("edited\n");
});

test.each(["mm/other.c", "init/main.c", "mm/new.c"])("an edit of %s is seen", async (path) => {
  const prepare = () => preparePrivateSource({ source: tree, series: hook("hook") });
  const { folder: copy } = await prepare();
  write(path, path === "init/main.c" ? "zero\none\ntwo\nthree\nfour\nfive\n" : "edited\n");
  await prepare();
  expect(readFileSync(join(copy, path), "utf8")).toMatch(/^(zero|edited)\n/);
  rmSync(join(tree, "mm/other.c"));
  await prepare();
  expect(existsSync(join(copy, "mm/other.c"))).toBe(false);
});

test("a tree whose name make cannot take has a copy whose name it can", async () => {
  const odd = join(folder, "a tree: mine");
  renameSync(tree, odd);
  const { folder: copy } = await preparePrivateSource({ source: odd, series: hook("hook") });
  expect(copy).not.toMatch(/[\s:]/);
  expect(readFileSync(join(copy, "init/main.c"), "utf8")).toContain("hook");
});

test("a patch that does not fit is named with its file, and the copy stays as it was", async () => {
  const { folder: copy } = await preparePrivateSource({ source: tree, series: hook("hook") });
  const before = fingerprint(copy);
  write("init/main.c", "quite\ndifferent\n");
  const work = preparePrivateSource({ source: tree, series: hook("hook") });
  await expect(work).rejects.toThrow(
    /0001-hook\.patch of the series for Linux 6\.12 does not apply to init\/main\.c, hunk #1, line 1/,
  );
  await expect(codesOf(() => work)).resolves.toEqual(["patch-failed"]);
  rmSync(join(tree, "init/main.c"));
  await expect(codesOf(() => preparePrivateSource({ source: tree, series: hook("hook") }))).resolves.toEqual([
    "patch-failed",
  ]);
  expect(fingerprint(copy)).toEqual(before);
});

test("a tree that was built in is refused, a git checkout of it is not", async () => {
  write(".config", "CONFIG_A=y\n");
  const prepare = () => preparePrivateSource({ source: tree, series: hook("hook") });
  await expect(codesOf(prepare)).resolves.toEqual(["source-not-clean"]);
  write(".gitignore", ".config\n*.o\n");
  write("init/main.o", "object\n");
  execFileSync("git", ["init", "-q", tree]);
  const { folder: copy } = await prepare();
  expect(existsSync(join(copy, "mm/other.c"))).toBe(true);
  expect(existsSync(join(copy, ".config"))).toBe(false);
  expect(existsSync(join(copy, "init/main.o"))).toBe(false);
});

test("a folder that is no kernel is refused as such", async () => {
  await expect(codesOf(() => readKernelVersion(join(folder, "nowhere")))).resolves.toEqual([
    "source-not-kernel",
  ]);
  for (const text of ["all:\n", makefile("$(shell x)", "12"), makefile("6", "12x"), makefile("../6", "12")]) {
    write("Makefile", text);
    await expect(codesOf(() => readKernelVersion(tree))).resolves.toEqual(["source-not-kernel"]);
  }
});

test("a version without a series is answered with what does not fit, and gets no copy", async () => {
  write("Makefile", makefile("5", "10"));
  const work = preparePrivateSource({ source: tree });
  await expect(work).rejects.toThrow(
    /00\d\d-.*\.patch of the series for Linux \S+ does not apply to \S+, \S/,
  );
  await expect(work).rejects.toThrow(/nothing was changed/);
  const left = readdirSync(join(folder, "cache"), { recursive: true, encoding: "utf8" });
  expect(left.filter((path) => path.endsWith("Makefile"))).toEqual([]);
});

test("the series nearest to a version come first, its own before all", () => {
  const series = supportedVersions();
  for (const version of series) expect(nearestVersions(version)[0]).toBe(version);
  expect(nearestVersions("6.13")[0]).toBe("6.12");
  expect(nearestVersions("2.6")[0]).toBe(series[0]);
  expect(nearestVersions("99.0")).toEqual(series.toReversed());
});

test("a package that is neither installed nor to be had is named, with what apt says", async () => {
  // Nobody listens at port 9.
  const nowhere = { packages: folder, mirrors: { main: "http://127.0.0.1:9/debian" } };
  const work = fetchSource("6.12", nowhere);
  await expect(work).rejects.toThrow(/linux-source-6\.12 is not installed.*127\.0\.0\.1/s);
  await expect(codesOf(() => work)).resolves.toEqual(["package-unavailable"]);
});

test("a mirror whose lists Debian has not signed is not believed", async () => {
  const mirror = join(folder, "mirror");
  for (const suite of ["bookworm", "trixie-backports"]) {
    mkdirSync(join(mirror, "dists", suite, "main/binary-amd64"), { recursive: true });
    writeFileSync(join(mirror, "dists", suite, "main/binary-amd64/Packages"), "");
    writeFileSync(join(mirror, "dists", suite, "Release"), `Origin: Debian\nCodename: ${suite}\n`);
  }
  const work = fetchSource("6.12", { packages: folder, mirrors: { main: `file:${mirror}` } });
  await expect(work).rejects.toThrow(/is not signed/);
  await expect(codesOf(() => work)).resolves.toEqual(["package-unavailable"]);
});

test("a tarball that ends early leaves nothing behind", async () => {
  writeFileSync(join(folder, "linux-source-6.12.tar.xz"), "no archive");
  await expect(codesOf(() => fetchSource("6.12", { packages: folder }))).resolves.toEqual(["command-failed"]);
  const left = readdirSync(join(folder, "cache"), { recursive: true, encoding: "utf8" });
  expect(left.filter((path) => path.includes("pristine"))).toEqual([]);
});

test("Debian's tree is unpacked once, and its private copy does not reach through its links", async () => {
  execFileSync("tar", ["-C", folder, "-cJf", join(folder, "linux-source-6.12.tar.xz"), "tree"]);
  const pristine = await fetchSource("6.12", { packages: folder });
  expect(await fetchSource("6.12", { packages: folder })).toBe(pristine);
  const before = fingerprint(pristine);
  const { folder: copy } = await preparePrivateSource({ source: pristine, series: hook("hook") });
  expect(fingerprint(pristine)).toEqual(before);
  expect(readFileSync(join(copy, "init/main.c"), "utf8")).toContain("hook");
  await preparePrivateSource({ source: pristine, series: nothing });
  expect(fingerprint(pristine)).toEqual(before);
  expect(readFileSync(join(copy, "init/main.c"), "utf8")).not.toContain("hook");
});

test("git am takes the exported series and makes the same files of it", async () => {
  const series: Series = {
    ...hook("hook"),
    files: [
      ["include/linux/jettison.h", "first\n\nlast\n"],
      ["kernel/jettison/core.c", "From here\n--- there\nno end of line"],
    ],
    messages: [
      {
        name: "0000-files.patch",
        text: patchText(
          "jettison: Add files",
          ` include/linux/jettison.h
 kernel/jettison/core.c
-- 
`,
        ),
      },
    ],
  };
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", tree, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
      encoding: "utf8",
    });
  git("init", "-q");
  git("add", ".");
  git("commit", "-qm", "pristine");
  writeFileSync(
    join(folder, "series.mbox"),
    exportSeries(series)
      .map(({ text }) => text)
      .join("\n"),
  );
  git("am", "-q", join(folder, "series.mbox"));
  expect(git("log", "--format=%s %ae", "--reverse", "-2").trim().split("\n")).toEqual([
    "jettison: Add files maintainer@example.org",
    "init: a hook maintainer@example.org",
  ]);
  const { folder: copy } = await preparePrivateSource({ source: tree, series: nothing });
  for (const [path, content] of series.files) expect(readFileSync(join(copy, path), "utf8")).toBe(content);
  // The names of contents in our diff are git's own.
  const ours = exportSeries(series)[0]!.text.match(/^index .*$/gm);
  expect(git("show", "--abbrev=12", "--format=", "HEAD~1").match(/^index .*$/gm)).toEqual(ours);
});
