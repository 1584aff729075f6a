// SPDX-License-Identifier: Apache-2.0
/**
 * A kernel without components, of objects without function sections: the plain linker's, byte for byte. And the words that
 * put code into a component, in a kernel that the plain linker links.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeMergeScript } from "../../src/8-link/script.js";
import { cacheFolder } from "../../src/cache.js";
import { copyBuild } from "../../src/kernel/copyBuild.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";
import { makeKernel } from "../../src/kernel/makeKernel.js";
import { preparePrivateSource } from "../../src/kernel/preparePrivateSource.js";
import { demoKernel as version } from "../../src/kernel/series.js";
import { projectRoot } from "../../src/root.js";
import { command } from "../support/compile.js";
import { changeSource } from "../support/patchedBuild.js";
import { smallJob, smallKernel } from "../support/smallKernel.js";

const output = cacheFolder("build", "plain");
const job = { ...smallJob, output };
afterAll(() => rmSync(output, { recursive: true, force: true }));

beforeAll(async () => {
  const small = await smallKernel();
  rmSync(output, { recursive: true, force: true });
  await copyBuild(small.output, output);
  const { folder } = await preparePrivateSource({ source: await fetchSource(version) });
  await changeSource(output, folder, join(projectRoot, "test/kernel/words/reboot.patch"));
  const { warnings } = await makeKernel({ ...job, targets: ["kernel/reboot.o"] });
  expect(warnings).toEqual([]);
  forgetFunctionSections();
});

/** Ld merges the function sections of each object: the compiler would have made one section of them itself. */
function forgetFunctionSections(): void {
  const script = join(output, "merge-functions.lds");
  writeFileSync(script, writeMergeScript([]).replaceAll(/ \.\w+\.\.component\.\*/g, ""));
  command(
    output,
    "sh",
    "-ec",
    `for object in $(ar t vmlinux.a) $(ar t lib/lib.a) $(ar t arch/x86/lib/lib.a); do
      ld -m elf_x86_64 -r -z noexecstack -T ${script} -o merged.o "$object"
      mv merged.o "$object"
    done`,
  );
  const names = command(output, "readelf", "-SW", "kernel/reboot.o");
  expect(names).toMatch(/ \.text /);
  expect(names).not.toMatch(/ \.(?:text|data|rodata|bss)\.[a-z_]+ /);
}

/** Each link compiles one object itself, whose function sections nobody merges. */
const isOdd = (warning: string) => !warning.includes("init/version-timestamp.o");

test("without components the kernel is the plain linker's, byte for byte", async () => {
  const byLd = await makeKernel({ ...job, components: [], ld: "ld" });
  // No more than each link makes: nothing has its function sections again.
  expect(byLd.compiled).toBeLessThan(30);
  expect(byLd.warnings.filter(isOdd)).toEqual([]);
  const expected = readFileSync(byLd.vmlinux);
  const byJettison = await makeKernel({ ...job, components: [] });
  expect(byJettison.linked).toBe(true);
  expect(byJettison.warnings.filter(isOdd)).toEqual([]);
  expect(readFileSync(byJettison.vmlinux).equals(expected)).toBe(true);
});

test("a plain linker gives what is marked the place of its kind", () => {
  const sections = command(output, "readelf", "-SW", "kernel/reboot.o");
  for (const kind of ["text", "data", "rodata"])
    expect(sections).toContain(`.${kind}..component.ctrl-alt-del`);
  const symbols = command(output, "objdump", "-t", "vmlinux");
  const placeOf = (name: string) => new RegExp(`(\\S+)\\t\\w+ (?:\\S+ )?${name}$`, "m").exec(symbols)?.[1];
  expect(["ctrl_alt_del", "C_A_D", "reboot_cmd"].map(placeOf)).toEqual([".text", ".data", ".rodata"]);
});
