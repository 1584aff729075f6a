// SPDX-License-Identifier: Apache-2.0
/** The time that bin/jettison-ld adds to a call that is not for vmlinux: most of the hundred of a kernel build. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, bench, describe } from "vitest";
import { jettisonLd } from "../src/kernel/buildKernel.js";

const folder = mkdtempSync(join(tmpdir(), "jettison-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const name of ["a", "b"]) {
  writeFileSync(join(folder, `${name}.c`), `int ${name}(void) { return 1; }\n`);
  spawnSync("gcc", ["-c", "-o", join(folder, `${name}.o`), join(folder, `${name}.c`)]);
}
const args = ["-m", "elf_x86_64", "-r", "-o", "both.o", "a.o", "b.o"];

function link(program: string): void {
  const { status } = spawnSync(program, args, { cwd: folder });
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
}

describe("ld -r of two small objects", () => {
  bench("ld", () => link("ld"), { time: 2000 });
  bench("jettison-ld", () => link(jettisonLd), { time: 2000 });
});
