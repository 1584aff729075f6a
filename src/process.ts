// SPDX-License-Identifier: Apache-2.0
/**
 * The one runner for cc, ld, make, QEMU and the rest. It keeps argv, exit code, signal, time and log; a
 * failed command shows its last lines and where the whole log is. Every child dies with Jettison: Ctrl-C
 * ends the whole process group of what is running.
 */
import { createWriteStream } from "node:fs";
import { execa } from "execa";
import { fail } from "./diagnostics.js";

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** The whole output, both streams, goes to this file. */
  log?: string;
  /** Called for each line of output as it comes. */
  onLine?: (line: string) => void;
  /** Milliseconds after which the command's process group is ended. */
  timeout?: number;
  input?: string;
  /** Hears the number of the process, which leads a process group of its own. */
  onStart?: (pid: number) => void;
}

export interface RunResult {
  readonly argv: readonly string[];
  readonly stdout: string;
  readonly seconds: number;
}

export interface Ended extends RunResult {
  /** How it ended, as the end of a sentence; undefined after exit code 0. */
  readonly status: string | undefined;
  readonly timedOut: boolean;
  /** The command does not exist. */
  readonly notFound: boolean;
  readonly tail: string;
}

const groups = new Set<number>();

function endGroups(signal: NodeJS.Signals): void {
  for (const pid of groups) {
    try {
      process.kill(-pid, signal);
    } catch {
      groups.delete(pid); // it had ended already
    }
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    endGroups("SIGTERM");
    process.exit(signal === "SIGINT" ? 130 : 143);
  });
process.once("exit", () => endGroups("SIGTERM"));

const tailLines = 15;

/** Runs a command to its end, however it ends. */
export async function runToEnd(argv: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const [file, ...args] = argv;
  const start = performance.now();
  const child = execa(file!, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    detached: true,
    all: true,
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 1 << 28,
  });
  const pid = child.pid;
  if (pid !== undefined) {
    groups.add(pid);
    options.onStart?.(pid);
  }
  const log = options.log === undefined ? undefined : createWriteStream(options.log);
  if (log !== undefined) child.all.pipe(log);
  let timedOut = false;
  const timer =
    options.timeout === undefined || pid === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          process.kill(-pid, "SIGKILL");
        }, options.timeout);
  if (options.onLine !== undefined)
    for await (const line of child.iterable({ from: "all" })) options.onLine(line);
  const result = await child;
  clearTimeout(timer);
  if (pid !== undefined) groups.delete(pid);
  const seconds = (performance.now() - start) / 1000;
  const status = describeEnd(result, seconds);
  const notFound = result.code === "ENOENT";
  const tail = (result.all ?? "").trimEnd().split("\n").slice(-tailLines).join("\n");
  return { argv, stdout: result.stdout, seconds, status, timedOut, notFound, tail };
}

interface Outcome {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly originalMessage?: string | undefined;
}

/** How a command ended, as the end of a sentence; undefined after exit code 0. */
export function describeEnd(
  { exitCode, signal, originalMessage }: Outcome,
  seconds: number,
): string | undefined {
  if (exitCode === 0) return undefined;
  if (exitCode !== undefined) return `ended with exit code ${exitCode}`;
  if (signal !== undefined) return `was ended by ${signal} after ${seconds.toFixed(0)} s`;
  return `could not be started: ${originalMessage ?? "unknown cause"}`;
}

/** Runs a command to its end; anything but exit code 0 is a `command-failed` diagnostic. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { status, tail, stdout, seconds } = await runToEnd(argv, options);
  if (status !== undefined)
    fail("command-failed", {
      command: argv.join(" "),
      status,
      tail,
      ...(options.log === undefined ? {} : { log: options.log }),
    });
  return { argv, stdout, seconds };
}
