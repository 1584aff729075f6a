// SPDX-License-Identifier: Apache-2.0
/**
 * What the passes of `jettison ld` take on the demo's kernel, beside `ld -r` of the same inputs in the same run.
 * Prints the best of several turns: passes, their sum as a ratio to `ld -r`, and the peak memory.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, bench, describe } from "vitest";
import { jettisonLd } from "../src/kernel/buildKernel.js";
import { demoJob, makeKernel } from "../src/kernel/makeKernel.js";

const build = await makeKernel(demoJob, (text) => process.stderr.write(`${text}\n`));
const folder = mkdtempSync(join(tmpdir(), "jettison-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
// The build itself is left alone: a link of its own beside it, of the same objects.
cpSync(build.output, folder, { recursive: true });

const args = ["-m", "elf_x86_64", "-z", "noexecstack", "-r", "-o", "vmlinux.o"];
const inputs = ["--whole-archive", "vmlinux.a", "--no-whole-archive"];
const passes = ["read", "graph", "ownership", "boundary", "rewrite", "assemble"];

interface Times {
  readonly milliseconds: Record<string, number>;
  readonly peakBytes: number;
}

function link(program: string): { seconds: number; times: Times | undefined } {
  const env = { ...process.env, JETTISON_TIMES: "1", JETTISON_COMPONENTS: demoJob.components.join(":") };
  const start = performance.now();
  const { status, stderr } = spawnSync(program, [...args, ...inputs], { cwd: folder, env, encoding: "utf8" });
  const seconds = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  const line = stderr.split("\n").find((one) => one.startsWith("{"));
  return { seconds, times: line === undefined ? undefined : (JSON.parse(line) as Times) };
}

const turns: { ld: number; jettison: number; times: Times }[] = [];

describe("vmlinux.o of the demo's kernel", () => {
  bench(
    "jettison-ld and ld -r, turn about",
    () => {
      const ours = link(jettisonLd);
      turns.push({ ld: link("ld").seconds, jettison: ours.seconds, times: ours.times! });
    },
    { iterations: 5, time: 0, warmupIterations: 1, warmupTime: 0 },
  );
});

afterAll(() => {
  const best = (value: (turn: (typeof turns)[number]) => number) => Math.min(...turns.map(value));
  const ld = 1000 * best((turn) => turn.ld);
  const rows = passes.map((pass) => [pass, best(({ times }) => times.milliseconds[pass] ?? 0)] as const);
  const sum = best(({ times }) => passes.reduce((total, pass) => total + (times.milliseconds[pass] ?? 0), 0));
  const print = (name: string, milliseconds: number) =>
    console.log(
      `${name.padEnd(12)} ${milliseconds.toFixed(0).padStart(6)} ms  ${(milliseconds / ld).toFixed(2)} of ld -r`,
    );
  for (const [pass, milliseconds] of rows) print(pass, milliseconds);
  print("sum", sum);
  print("ld -r", ld);
  console.log(
    `peak memory  ${(Math.max(...turns.map(({ times }) => times.peakBytes)) / 2 ** 20).toFixed(0)} MiB`,
  );
});
