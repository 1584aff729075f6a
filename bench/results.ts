// SPDX-License-Identifier: Apache-2.0
/** Results of benchmarks, beside the same without Jettison: printed, and kept in out/bench.json. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../src/root.js";

export interface Result {
  readonly name: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  readonly ratio: number;
  readonly unit: "ms" | "MiB";
  readonly runs: number;
}

const file = join(projectRoot, "out/bench.json");

/** Replaces the results of the same names. */
export function keepResults(results: readonly Omit<Result, "ratio">[]): void {
  const whole = results.map((one) => ({ ...one, ratio: Math.round((1000 * one.ours) / one.peer) / 1000 }));
  for (const { name, ours, peer, peerName, ratio, unit } of whole)
    console.log(
      `${name.padEnd(40)} ${ours.toFixed(0).padStart(7)} ${unit}  ${ratio.toFixed(2)} of ${peerName} (${peer.toFixed(0)})`,
    );
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Result[]) : [];
  const names = new Set(whole.map(({ name }) => name));
  mkdirSync(join(projectRoot, "out"), { recursive: true });
  const all = [...kept.filter(({ name }) => !names.has(name)), ...whole];
  writeFileSync(`${file}.new`, `${JSON.stringify(all, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}
