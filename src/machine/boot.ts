// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fail } from "../diagnostics.js";
import { type Ended, runToEnd } from "../process.js";
import { withScratchFolder } from "../scratch.js";
import {
  type BootComponent,
  type ConsoleReading,
  cleanLine,
  type Fill,
  type KernelReport,
  type MemoryUse,
  readConsole,
} from "./console.js";
import { layOutHypervisor } from "./hypervisor.js";
import { fileFor, type Image } from "./image.js";
import { guestInitramfs } from "./initramfs.js";
import type { Machine } from "./machine.js";
import { type Accelerator, qemu, qemuCommand } from "./qemuCommand.js";

export interface BootOptions {
  /** Further words for the kernel's command line. */
  readonly append?: string;
  /** Whether the guest uses all of its memory; true by default. */
  readonly fill?: boolean;
  /** Milliseconds after which a guest that has not turned itself off is taken for one that hangs. */
  readonly timeout?: number;
  /** `tcg` by default: figures of two boots compare only with the same accelerator. */
  readonly accelerator?: Accelerator;
  /** Where the whole console goes. */
  readonly log: string;
  /** Called with each line of the console as it comes, fit for a terminal. */
  readonly onLine?: (line: string) => void;
}

export interface BootResult {
  readonly machine: string;
  /** Bytes, as all sizes here. */
  readonly memTotal: number;
  /** null if the guest did not report it. */
  readonly memory: MemoryUse | null;
  /** null for a kernel without Jettison; the counts are then 0 and there are no components. */
  readonly mode: string | null;
  readonly components: readonly BootComponent[];
  readonly pages: number;
  readonly bytes: number;
  readonly gateCalls: number;
  readonly mappings: KernelReport["mappings"];
  readonly releaseNs: KernelReport["releaseNs"];
  readonly selftest: KernelReport["selftest"];
  readonly audit: KernelReport["audit"];
  /** null where memory was not to be filled. */
  readonly fill: Fill | null;
  /** From the start of QEMU to the first line of the guest's program. */
  readonly bootSeconds: number;
  readonly seconds: number;
  /** Jettison's lines of the kernel log, one per component. */
  readonly kernelLog: readonly string[];
  readonly log: string;
}

/** Words that the kernel does not know become the environment of its first program, runtime/guest/init.c. */
const noFill = "jettison_fill=no";

/** The slowest boot seen, Xen with its memory filled on two cores that four others wanted too, took 48 s. */
const usualTimeout = 180_000;

const mostLines = 20_000;

/** Why a guest failed, and the part of its console that shows it. */
export interface GuestFailure {
  readonly cause: string;
  readonly console: string;
}

/**
 * Boots an image, has the guest use all of its memory and read it back, and returns what it showed. Whatever
 * keeps the guest from that, and any fault that its kernel reports, is `guest-failed`.
 */
export async function bootMachine(image: Image, machine: Machine, options: BootOptions): Promise<BootResult> {
  const attempt = await attemptBoot(image, machine, options);
  if ("cause" in attempt) fail("guest-failed", { machine: machine.name, ...attempt, log: options.log });
  return attempt;
}

/** The same, but a guest that fails is a result. */
export async function attemptBoot(
  image: Image,
  machine: Machine,
  options: BootOptions,
): Promise<BootResult | GuestFailure> {
  const file = fileFor(image, machine);
  const initramfs = await guestInitramfs();
  mkdirSync(dirname(options.log), { recursive: true });

  // QEMU ends a path at a blank or a comma in places: short names in a folder of our own have neither.
  return withScratchFolder(tmpdir(), async (folder) => {
    symlinkSync(resolve(file), join(folder, "image"));
    symlinkSync(initramfs, join(folder, "initramfs"));
    const append = [options.append, options.fill === false ? noFill : undefined].filter(Boolean).join(" ");
    await layOutHypervisor(machine, folder, append);
    return watchBoot(machine, folder, append, options);
  });
}

async function watchBoot(
  machine: Machine,
  cwd: string,
  append: string,
  options: BootOptions,
): Promise<BootResult | GuestFailure> {
  const { log, timeout = usualTimeout, fill = true } = options;
  const lines: string[] = [];
  let bootSeconds = 0;
  const start = performance.now();
  const onLine = (raw: string) => {
    const line = cleanLine(raw);
    // The beginning shows what happened, and a guest that never ends must not use up this machine's memory.
    if (lines.length < mostLines) lines.push(line);
    if (bootSeconds === 0 && line.includes("jettison-guest: begin"))
      bootSeconds = (performance.now() - start) / 1000;
    options.onLine?.(line);
  };
  const argv = qemuCommand(machine, append, options.accelerator);
  const ended = await runToEnd(argv, { cwd, log: resolve(log), timeout, onLine });
  if (ended.notFound)
    fail("tool-missing", { tool: qemu, purpose: "booting a machine", package: "qemu-system-x86 seabios" });

  const reading = readConsole(lines);
  if (ended.status !== undefined && !ended.timedOut && reading.trouble === undefined)
    fail("command-failed", { command: oneLine(argv), status: ended.status, tail: excerpt(lines), log });
  const cause = reading.trouble?.cause ?? whyUnfinished(reading, ended, timeout, fill);
  if (cause !== undefined) return { cause, console: excerpt(lines, reading.trouble?.line) };
  return toResult(machine, reading, { bootSeconds, seconds: ended.seconds, log });
}

const oneLine = (argv: readonly string[]) => argv.join(" ").replace(/ +/g, " ");

function toResult(
  machine: Machine,
  { memTotal, memory, jettison, fill, kernelLog }: ConsoleReading,
  run: Pick<BootResult, "bootSeconds" | "seconds" | "log">,
): BootResult {
  return {
    machine: machine.name,
    memTotal: memTotal!,
    memory: memory ?? null,
    mode: jettison?.mode ?? null,
    components: jettison?.components ?? [],
    pages: jettison?.pages ?? 0,
    bytes: jettison?.bytes ?? 0,
    gateCalls: jettison?.gateCalls ?? 0,
    mappings: jettison?.mappings ?? null,
    releaseNs: jettison?.releaseNs ?? null,
    selftest: jettison?.selftest ?? null,
    audit: jettison?.audit ?? null,
    fill: fill ?? null,
    kernelLog,
    ...run,
  };
}

function whyUnfinished(
  { begun, done, memTotal, fill }: ConsoleReading,
  ended: Ended,
  timeout: number,
  toFill: boolean,
): string | undefined {
  const where = begun ? "in its program" : "before its program began";
  const late = `it had not ended after ${Math.round(timeout / 1000)} s`;
  if (ended.timedOut)
    return `${done === undefined ? `it hangs ${where}` : "it does not turn itself off"}: ${late}`;
  if (done === undefined) return `it ended ${where}`;
  if (done === "failed") return "its program failed without a cause";
  if (memTotal === undefined) return "it did not say how much memory it has";
  return toFill && fill === undefined ? "it did not say how much memory it used" : undefined;
}

const excerptLines = 12;

/** The console's last lines, and before them those from the first trouble on. */
function excerpt(lines: readonly string[], trouble?: number): string {
  const last = lines.length - excerptLines;
  if (trouble === undefined || trouble >= last) return lines.slice(-excerptLines).join("\n");
  const around = lines.slice(trouble, trouble + excerptLines);
  const after = Math.max(last, trouble + excerptLines);
  const gap = after > trouble + excerptLines ? [`... ${after - trouble - excerptLines} lines ...`] : [];
  return [...around, ...gap, ...lines.slice(after)].join("\n");
}
