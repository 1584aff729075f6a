// SPDX-License-Identifier: Apache-2.0
/**
 * Time and memory of the passes of `jettison ld`, beside `ld -r` of the same inputs in the same run. The best of several turns: passes,
 * their sum, the merging `ld -r`, and the peak memory of each.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, bench, describe } from "vitest";
import { jettisonLd } from "../src/kernel/buildKernel.js";
import { makeKernel } from "../src/kernel/makeKernel.js";
import { kernelJob, kernelName, report } from "./kernel.js";
import { keepResults } from "./results.js";

const build = await makeKernel(kernelJob, report);
const folder = mkdtempSync(join(tmpdir(), "jettison-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
// The build itself is left alone: a link of its own beside it, of the same objects.
cpSync(build.output, folder, { recursive: true });

const args = ["-m", "elf_x86_64", "-z", "noexecstack", "-r", "-o", "vmlinux.o"];
const inputs = ["--whole-archive", "vmlinux.a", "--no-whole-archive"];

interface Times {
  readonly milliseconds: Record<string, number>;
  readonly peakBytes: number;
}

interface Linked {
  readonly milliseconds: number;
  readonly mebibytes: number;
  readonly stderr: string;
}

function link(program: string, ...further: readonly string[]): Linked {
  const env = { ...process.env, JETTISON_TIMES: "1", JETTISON_COMPONENTS: kernelJob.components.join(":") };
  const start = performance.now();
  const argv = ["-f", "peak %M", program, ...args, ...further];
  const { status, stderr, error } = spawnSync("/usr/bin/time", argv, { cwd: folder, env, encoding: "utf8" });
  const milliseconds = performance.now() - start;
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${error?.message ?? stderr}`);
  return { milliseconds, mebibytes: Number(/^peak (\d+)$/m.exec(stderr)![1]) / 1024, stderr };
}

interface Turn {
  readonly plain: Linked;
  readonly merging: Linked;
  readonly times: Times;
}

const turns: Turn[] = [];

describe(`vmlinux.o of the kernel ${kernelName}`, () => {
  bench(
    "jettison-ld and ld -r, turn about",
    () => {
      const { stderr } = link(jettisonLd, ...inputs);
      const times = JSON.parse(stderr.split("\n").find((one) => one.startsWith("{"))!) as Times;
      const merging = link("ld", "-T", ".jettison/merge.lds", "--whole-archive", ".jettison/vmlinux.a");
      turns.push({ times, merging, plain: link("ld", ...inputs) });
    },
    { iterations: 5, time: 0, warmupIterations: 1, warmupTime: 0 },
  );
});

afterAll(() => {
  const best = (value: (turn: Turn) => number) => Math.min(...turns.map(value));
  const most = (value: (turn: Turn) => number) => Math.max(...turns.map(value));
  const isPass = (name: string) => name !== "ld";
  const sum = ({ times }: Turn) =>
    Object.entries(times.milliseconds).reduce(
      (total, [name, one]) => (isPass(name) ? total + one : total),
      0,
    );
  const milliseconds = {
    peer: best(({ plain }) => plain.milliseconds),
    peerName: "ld -r",
    unit: "ms" as const,
  };
  const mebibytes = { peer: most(({ plain }) => plain.mebibytes), peerName: "ld -r", unit: "MiB" as const };
  const runs = turns.length;
  const passes = Object.keys(turns[0]!.times.milliseconds).filter(isPass);
  keepResults([
    ...passes.map((pass) => ({
      ...{ name: `${kernelName}: ${pass}`, runs, ...milliseconds },
      ours: best(({ times }) => times.milliseconds[pass]!),
    })),
    { name: `${kernelName}: all passes`, runs, ...milliseconds, ours: best(sum) },
    {
      ...{ name: `${kernelName}: merging ld -r`, runs, ...milliseconds },
      ours: best(({ merging }) => merging.milliseconds),
    },
    {
      ...{ name: `${kernelName}: peak memory of the passes`, runs, ...mebibytes },
      ours: most(({ times }) => times.peakBytes / 2 ** 20),
    },
    {
      ...{ name: `${kernelName}: peak memory of the merging ld -r`, runs, ...mebibytes },
      ours: most(({ merging }) => merging.mebibytes),
    },
  ]);
});
