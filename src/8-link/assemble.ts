// SPDX-License-Identifier: Apache-2.0
/**
 * Compiles the generated tables exactly as the kernel build compiled its empty ones: kbuild keeps the command
 * beside the object (`.tables.o.cmd`), objtool's included where it runs on single objects.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../diagnostics.js";
import { readSize } from "../elf/load.js";
import { run } from "../process.js";
import type { LinkInputs } from "./inputs.js";
import type { LinkFolder } from "./record.js";
import type { Replacement } from "./rewrite.js";

const tablesObject = "kernel/jettison/tables.o";
const recordedCommand = "kernel/jettison/.tables.o.cmd";

/** Puts the tables of a link in the place of the kernel's empty ones. */
export async function replaceTables(
  folder: LinkFolder,
  inputs: LinkInputs,
  replacements: Map<number, Replacement>,
  assembly: string,
): Promise<void> {
  const object = inputs.objects.findIndex(({ file }) => file === tablesObject);
  if (object < 0) fail("kernel-without-runtime", { object: tablesObject });
  const path = await assembleTables(folder, assembly);
  replacements.set(object, { path, size: readSize(path) });
}

/** Writes `source` and compiles it; gives the object's path. */
async function assembleTables({ build, own, at }: LinkFolder, source: string): Promise<string> {
  writeFileSync(at("tables.S"), source);
  const command = readCommand(build)
    .replaceAll(/\S*kernel\/jettison\/tables\.S/g, `${own}/tables.S`)
    .replaceAll("kernel/jettison/.tables.o.d", `${own}/.tables.o.d`)
    .replaceAll(tablesObject, `${own}/tables.o`);
  await run(["/bin/sh", "-c", command], { cwd: build });
  return at("tables.o");
}

function readCommand(build: string): string {
  let text: string;
  try {
    text = readFileSync(join(build, recordedCommand), "utf8");
  } catch {
    return fail("kernel-without-runtime", { object: recordedCommand });
  }
  const line = /^(?:saved)?cmd_\S+ := (.*)$/m.exec(text)?.[1];
  if (line === undefined) return fail("kernel-without-runtime", { object: recordedCommand });
  return line.replaceAll("$$", "$").replaceAll("\\#", "#");
}
