// SPDX-License-Identifier: Apache-2.0
/**
 * The record that the link of `vmlinux.o` leaves for the final links (`.jettison/link.json`). It is written last, after the linker
 * has succeeded: without it, no kernel is made from other files that may lie there.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type AskedFunction, askedFunctions } from "../3-component/checkAnswers.js";
import type { Analysis } from "../7-layout/analysis.js";
import { fail } from "../diagnostics.js";
import { nameManifests } from "../plan/manifestNames.js";
import { writeWhole } from "../writeWhole.js";

/** Everything that Jettison leaves in the folder of a build. */
export interface LinkFolder {
  /** The folder of the build, where the linker runs. */
  readonly build: string;
  /** The same for files that the linker is given by name: counts from `build`. */
  readonly own: string;
  /** Where a file of ours lies. */
  at(name: string): string;
}

export const openLinkFolder = (build: string): LinkFolder => ({
  build,
  own: ".jettison",
  at: (name) => join(build, ".jettison", name),
});

const recordVersion = 3;
const recordFile = "link.json";

export interface LinkRecord {
  /** Hash of the manifests of the plan. */
  readonly manifests: string;
  /** Built-in modules leave by themselves. */
  readonly isAutomatic: boolean;
  /** Exported functions that have a gate, and the gates. */
  readonly exports: ReadonlyMap<string, string>;
  /** Functions that tests call, whose types the final link may know. */
  readonly asked: readonly AskedFunction[];
}

/** The manifests that the environment names, whether built-in modules leave by themselves, and all of it in one word. */
export function findManifests(): {
  readonly files: readonly string[];
  readonly isAutomatic: boolean;
  readonly hash: string;
} {
  const files = (process.env.JETTISON_COMPONENTS ?? "").split(":").filter((file) => file !== "");
  const isAutomatic = process.env.JETTISON_AUTOMATIC === "1";
  const hash = createHash("sha256").update(isAutomatic ? "automatic\n" : "");
  for (const file of files) {
    const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    hash.update(`${bytes.byteLength}\n`).update(bytes);
  }
  return { files, isAutomatic, hash: hash.digest("hex") };
}

/** The record of a link that was decided so. */
export function recordOf(
  { files, isAutomatic, hash }: ReturnType<typeof findManifests>,
  { claims, boundary }: Pick<Analysis, "claims" | "boundary">,
): LinkRecord {
  const names = nameManifests(files);
  return {
    manifests: hash,
    isAutomatic,
    exports: new Map(
      boundary.gates.flatMap((gate) => gate.exports.map((name) => [name, gate.gateSymbol] as const)),
    ),
    asked: claims.components.flatMap(({ file, inUse }) =>
      askedFunctions(inUse).map((one) => ({ ...one, file: names.get(file) ?? file })),
    ),
  };
}

/** Takes away what an earlier link has left, so that nothing that comes to an end halfway can pass for whole. */
export function forgetLink({ build }: LinkFolder): void {
  for (const left of [".jettison", "plan.json", "vmlinux.o"])
    rmSync(join(build, left), { recursive: true, force: true });
}

export function writeRecord(
  folder: LinkFolder,
  { manifests, isAutomatic, exports, asked }: LinkRecord,
): void {
  const record = {
    version: recordVersion,
    manifests,
    isAutomatic,
    exports: Object.fromEntries(exports),
    asked,
  };
  writeJson(folder.at(recordFile), record);
}

export const hasRecord = (folder: LinkFolder): boolean => existsSync(folder.at(recordFile));

/** Whether built-in modules leave without a manifest there; false without a link, or with a link by another version. */
export function wasAutomatic(folder: LinkFolder): boolean {
  if (!hasRecord(folder)) return false;
  const record = JSON.parse(readFileSync(folder.at(recordFile), "utf8")) as Partial<
    LinkRecord & { version: unknown }
  >;
  return record.version === recordVersion && record.isAutomatic === true;
}

/** undefined: no link of ours has ended well in this build. */
export function readRecord(folder: LinkFolder): LinkRecord | undefined {
  if (!hasRecord(folder)) return undefined;
  const file = folder.at(recordFile);
  const { version, manifests, isAutomatic, exports, asked } = JSON.parse(readFileSync(file, "utf8")) as {
    version: unknown;
    manifests: string;
    isAutomatic: boolean;
    exports: Record<string, string>;
    asked: readonly AskedFunction[];
  };
  if (version !== recordVersion)
    fail("link-incomplete", { what: `${file} was written by another version of Jettison` });
  return { manifests, isAutomatic, exports: new Map(Object.entries(exports)), asked };
}

export const writeJson = (path: string, value: unknown) =>
  writeWhole(
    path,
    `${JSON.stringify(value)}
`,
  );
