// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseLinkArguments } from "../../../src/8-link/arguments.js";
import { loadLinkInputs } from "../../../src/8-link/inputs.js";
import { JettisonError } from "../../../src/diagnostics.js";
import { readArchive, writeThinArchive } from "../../../src/elf/archive.js";
import { command, compileObjects, temporaryFolder, writeFiles } from "../../support/compile.js";

const sources = {
  "one.c": "int two(void); int one(void) { return two(); }",
  "two.c": "int two(void) { return 2; }",
  "a_member_with_a_rather_long_name.c": "int three(void) { return 3; }",
};

test("common and thin archives list what ar lists", () => {
  const { folder, names } = compileObjects(sources);
  command(folder, "ar", "rcs", "common.a", ...names);
  command(folder, "ar", "rcsT", "thin.a", ...names);
  for (const name of ["common.a", "thin.a"]) {
    const members = readArchive(join(folder, name), readFileSync(join(folder, name)));
    expect(members.map((member) => member.name)).toEqual(command(folder, "ar", "t", name).trim().split("\n"));
    expect(members.map(({ size }) => size)).toEqual(
      names.map((one) => readFileSync(join(folder, one)).byteLength),
    );
  }
});

test("a thin archive that we write is one to ar and ld", () => {
  const { folder, names } = compileObjects(sources);
  const file = join(folder, "made.a");
  const members = names.map((name) => ({
    path: join(folder, name),
    size: readFileSync(join(folder, name)).byteLength,
  }));
  writeFileSync(file, writeThinArchive(file, members));
  expect(command(folder, "ar", "t", "made.a").trim().split("\n")).toEqual(members.map(({ path }) => path));
  command(folder, "ld", "-r", "-o", "linked.o", "--whole-archive", "made.a");
  expect(command(folder, "nm", "linked.o")).toMatch(/T one[\s\S]*T three[\s\S]*T two/);
});

test("only the members of a library that are needed are linked, as ld does it", () => {
  const { folder, names } = compileObjects({
    ...sources,
    "main.c": "int one(void); int main(void) { return one(); }",
  });
  command(folder, "ar", "rcs", "lib.a", ...names.filter((name) => name !== "main.o"));
  const path = (name: string) => join(folder, name);
  const argv = ["-r", "-o", path("out.o"), path("main.o"), "--start-group", path("lib.a"), "--end-group"];
  const { objects, wholeCount } = loadLinkInputs(".", parseLinkArguments(argv));
  expect(wholeCount).toBe(1);
  expect(objects.map(({ file }) => file)).toEqual([
    path("main.o"),
    `${path("lib.a")}(one.o)`,
    `${path("lib.a")}(two.o)`,
  ]);
});

test("a damaged archive is refused with its place", () => {
  const { folder, names } = compileObjects(sources);
  command(folder, "ar", "rcs", "common.a", ...names);
  const whole = readFileSync(join(folder, "common.a"));
  for (let size = 9; size < whole.byteLength; size += 11)
    try {
      readArchive("cut.a", Buffer.from(whole.subarray(0, size)));
    } catch (error) {
      expect(error).toBeInstanceOf(JettisonError);
      expect(String(error)).toMatch(/cut\.a.*archive-malformed/s);
    }
  expect(() => readArchive("cut.a", Buffer.from(whole.subarray(0, 100)))).toThrow(/archive-malformed/);
});

test("a member that is gone is named", () => {
  const folder = temporaryFolder();
  writeFiles(folder, {
    "gone.a": writeThinArchive(join(folder, "gone.a"), [{ path: join(folder, "gone.o"), size: 1 }]).toString(
      "latin1",
    ),
  });
  const argv = ["-r", "--whole-archive", join(folder, "gone.a")];
  expect(() => loadLinkInputs(".", parseLinkArguments(argv))).toThrow(/gone\.o.*file-unreadable/s);
});
