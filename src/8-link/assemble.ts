// SPDX-License-Identifier: Apache-2.0
/**
 * Compiles the generated tables exactly as the kernel build compiled its empty ones: kbuild keeps the command
 * beside the object (`.tables.o.cmd`), objtool's included where it runs on single objects.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../diagnostics.js";
import { run } from "../process.js";
import type { LinkFolder } from "./record.js";

export const tablesObject = "kernel/jettison/tables.o";
const recordedCommand = "kernel/jettison/.tables.o.cmd";

/** Writes `source` and compiles it; gives the object's path. */
export async function assembleTables({ build, own, at }: LinkFolder, source: string): Promise<string> {
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
