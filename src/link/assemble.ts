// SPDX-License-Identifier: Apache-2.0
/**
 * Compiles the generated tables exactly as the kernel build compiled its empty ones: kbuild keeps the command
 * beside the object (`.tables.o.cmd`), objtool's included where it runs on single objects.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fail } from "../diagnostics.js";
import { run } from "../process.js";

export const tablesObject = "kernel/jettison/tables.o";
const recordedCommand = "kernel/jettison/.tables.o.cmd";

/** Writes `source` into `folder` and compiles it; gives the object's path. */
export async function assembleTables(folder: string, source: string): Promise<string> {
  const assembly = `${folder}/tables.S`;
  const object = `${folder}/tables.o`;
  writeFileSync(assembly, source);
  const command = readCommand()
    .replaceAll(/\S*kernel\/jettison\/tables\.S/g, assembly)
    .replaceAll("kernel/jettison/.tables.o.d", `${folder}/.tables.o.d`)
    .replaceAll(tablesObject, object);
  await run(["/bin/sh", "-c", command]);
  return object;
}

function readCommand(): string {
  let text: string;
  try {
    text = readFileSync(recordedCommand, "utf8");
  } catch {
    return fail("kernel-without-runtime", { object: recordedCommand });
  }
  const line = /^(?:saved)?cmd_\S+ := (.*)$/m.exec(text)?.[1];
  if (line === undefined) return fail("kernel-without-runtime", { object: recordedCommand });
  return line.replaceAll("$$", "$").replaceAll("\\#", "#");
}
