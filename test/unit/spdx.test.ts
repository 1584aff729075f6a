// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../src/root.js";

const git = (...args: readonly string[]) =>
  execFileSync("git", args, { cwd: projectRoot, encoding: "utf8" }).split("\n").slice(0, -1);

/** Has no comments, no lines, or a licence that is its kernel's. */
const cannot = /\.(?:json|png|svg|patch|lds)$|^LICENSES\//;

test("every file names its licence: GPL-2.0-only what runs in the kernel, Apache-2.0 the rest", () => {
  const files = git("ls-files", "--cached", "--others", "--exclude-standard").filter(
    (file) => !cannot.test(file),
  );
  expect(files.length).toBeGreaterThan(250);
  const licences = files.map((file) => {
    const head = readFileSync(join(projectRoot, file), "utf8").split("\n").slice(0, 3).join("\n");
    return `${file}: ${/SPDX-License-Identifier: ([\w.-]+)/.exec(head)?.[1]}`;
  });
  const wrong = licences.filter((line) => {
    const isKernel =
      /^(?:runtime\/linux\/.*(?:\.[chS]|Kconfig|Makefile)|test\/support\/modules\/.*\.c):/.test(line);
    return !line.endsWith(isKernel ? ": GPL-2.0-only" : ": Apache-2.0");
  });
  expect(wrong).toEqual([]);
});
