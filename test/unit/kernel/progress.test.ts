// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readProgress } from "../../../src/kernel/progress.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const log = `make[1]: Entering directory '/somewhere'
  HOSTCC  scripts/kallsyms
  CC      init/main.o
  AS      arch/x86/entry/entry.o
  AR      init/built-in.a
init/main.c:3: warning: something
  CC [M]  drivers/some.o
  LD      vmlinux.o
  LD      .tmp_vmlinux1
  LD      vmlinux
  SORTTAB vmlinux
  CC      arch/x86/boot/compressed/misc.o
  LD      arch/x86/boot/compressed/vmlinux
  BUILD   arch/x86/boot/bzImage
`;

test("objects are counted, then the link, then the image", () => {
  const progress = readProgress(folder, 4, false);
  const seen = log.split("\n").flatMap((line) => {
    const update = progress.take(line);
    return update === undefined ? [] : [`${update.phase} ${update.done}/${update.total}`];
  });
  expect(seen).toEqual(["objects 1/4", "objects 2/4", "objects 3/4", "link 4/4", "image 5/5"]);
  expect([progress.compiled(), progress.linked()]).toEqual([4, true]);
});

test("objects that an interrupted build left count as done", () => {
  mkdirSync(join(folder, "init"));
  for (const name of ["main.o", "version.o", "main.c"]) writeFileSync(join(folder, "init", name), "");
  const progress = readProgress(folder, 3, false);
  expect(progress.take("  CC      mm/slab.o")).toMatchObject({ done: 3, total: 3, counted: false });
  // An estimate that turns out too low grows: never more done than there are.
  expect(progress.take("  CC      mm/slub.o")).toMatchObject({ done: 4, total: 4 });
});

test("a total counted earlier is never passed", () => {
  writeFileSync(join(folder, "main.o"), "");
  const progress = readProgress(folder, 1, true);
  expect(progress.take("  CC      main.o")).toMatchObject({ done: 1, total: 1, counted: true });
});
