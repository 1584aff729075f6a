// SPDX-License-Identifier: Apache-2.0
/** Same inputs, same bytes: whatever the folder, the time, and the order in which things were made or named. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { command, temporaryFolder } from "../../support/compile.js";
import { runLinker } from "../../support/miniature.js";
import {
  archiveMembers,
  compileProgram,
  finalArguments,
  finalInputs,
  program,
} from "../../support/verifyKernel.js";

const made = ["vmlinux.o", "vmlinux", "plan.json", ".jettison/vmlinux.a", ".jettison/link.json"];

interface Way {
  readonly folder: string;
  readonly files?: Readonly<Record<string, string>>;
  /** How the archive is made: a member after the other, or at once. */
  readonly archive?: (folder: string) => void;
}

const thin = (folder: string) => command(folder, "ar", "cDPrST", "vmlinux.a", ...archiveMembers);

function build({ folder, files = program, archive = thin }: Way): Record<string, Buffer> {
  mkdirSync(folder, { recursive: true });
  compileProgram(folder, files);
  archive(folder);
  for (const { status, stderr } of [runLinker(folder), runLinker(folder, finalArguments(finalInputs))])
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return Object.fromEntries(made.map((name) => [name, readFileSync(join(folder, name))]));
}

test("two folders, objects made in another order, an archive made piece by piece", () => {
  const top = temporaryFolder();
  const one = build({ folder: join(top, "a") });
  const other = build({
    folder: join(top, "a folder with a longer name", "and one more"),
    files: Object.fromEntries(Object.entries(program).reverse()),
    archive(folder) {
      for (const member of archiveMembers) command(folder, "ar", "cDPrST", "vmlinux.a", member);
    },
  });
  for (const name of made) expect([name, one[name]!.equals(other[name]!)]).toEqual([name, true]);
});
