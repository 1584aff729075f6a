// SPDX-License-Identifier: Apache-2.0
/**
 * The `ld -r` step of a link far larger than a kernel's: time and peak memory of `jettison ld` itself, without the linker
 * that it starts, beside those of `ld -r` of the same objects in the same run. With 10,000 objects, ten million
 * relocations: JETTISON_BENCH_OBJECTS=10000 npm run bench -- scale
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, bench, describe } from "vitest";
import { jettisonLd } from "../src/kernel/buildKernel.js";
import { makeManyObjects } from "./manyObjects.js";

const count = Number(process.env.JETTISON_BENCH_OBJECTS ?? 1000);
const folder = mkdtempSync(join(tmpdir(), "jettison-bench-"));
makeManyObjects(folder, count);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const args = ["-m", "elf_x86_64", "-z", "noexecstack", "-r", "-o", "vmlinux.o"];
const inputs = ["--whole-archive", "vmlinux.a", "--no-whole-archive"];

function run(argv: readonly string[]): { seconds: number; stderr: string } {
  const env = { ...process.env, JETTISON_TIMES: "1", JETTISON_COMPONENTS: "components.yaml" };
  const start = performance.now();
  const { status, stderr } = spawnSync(argv[0]!, argv.slice(1), { cwd: folder, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${argv[0]} ended with ${status}: ${stderr}`);
  return { seconds: (performance.now() - start) / 1000, stderr };
}

const rows: string[] = [];

describe(`${count} objects`, () => {
  bench(
    "jettison-ld, then ld -r",
    () => {
      const { stderr } = run([jettisonLd, ...args, ...inputs]);
      const line = stderr.split("\n").find((one) => one.startsWith("{"))!;
      const { milliseconds, peakBytes } = JSON.parse(line) as {
        milliseconds: Record<string, number>;
        peakBytes: number;
      };
      const { ld, ...passes } = milliseconds;
      const ours = Object.values(passes).reduce((sum, one) => sum + one, 0) / 1000;
      const plain = run(["/usr/bin/time", "-f", "%M", "ld", ...args, ...inputs]);
      const plainPeak = Number(plain.stderr.trim().split("\n").at(-1)) / 1024;
      rows.push(
        `passes ${ours.toFixed(1)} s, ${(ours / plain.seconds).toFixed(2)} of ld -r; merging ld ${(ld! / 1000 / plain.seconds).toFixed(2)} of it; peak ${(peakBytes / 2 ** 20).toFixed(0)} MiB, ld -r ${plainPeak.toFixed(0)} MiB`,
      );
    },
    { iterations: 1, time: 0, warmupIterations: 0, warmupTime: 0 },
  );
});

afterAll(() => console.log(rows.join("\n")));
