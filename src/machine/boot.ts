// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fail } from "../diagnostics.js";
import { type Ended, runToEnd } from "../process.js";
import {
  type BootComponent,
  type ConsoleReading,
  cleanLine,
  type Fill,
  type KernelReport,
  readConsole,
} from "./console.js";
import { fetchHypervisor } from "./hypervisor.js";
import { guestInitramfs } from "./initramfs.js";
import type { Machine } from "./machine.js";
import { qemu, qemuCommand } from "./qemuCommand.js";

export interface Image {
  readonly bzImage: string;
}

export interface BootOptions {
  /** Further words for the kernel's command line. */
  readonly append?: string;
  /** Milliseconds after which a guest that has not turned itself off is taken for one that hangs. */
  readonly timeout?: number;
  /** Where the whole console goes. */
  readonly log: string;
  /** Called with each line of the console as it comes, fit for a terminal. */
  readonly onLine?: (line: string) => void;
}

export interface BootResult {
  readonly machine: string;
  /** Bytes, as all sizes here. */
  readonly memTotal: number;
  /** null for a kernel without Jettison; the counts are then 0 and there are no components. */
  readonly mode: string | null;
  readonly components: readonly BootComponent[];
  readonly pages: number;
  readonly bytes: number;
  readonly gateCalls: number;
  readonly selftest: KernelReport["selftest"];
  readonly fill: Fill;
  /** From the start of QEMU to the first line of the guest's program. */
  readonly bootSeconds: number;
  readonly seconds: number;
  /** What the kernel's log says of Jettison, a line a component. */
  readonly kernelLog: readonly string[];
  readonly log: string;
}

/** A boot, its memory filled twice, takes 8 to 20 s here; a slow machine gets ten times that. */
const usualTimeout = 180_000;

const mostLines = 20_000;

/**
 * Boots an image, has the guest use all of its memory and read it back, and returns what it showed. Whatever
 * keeps the guest from that, and any fault that its kernel reports, is `guest-failed`.
 */
export async function bootMachine(image: Image, machine: Machine, options: BootOptions): Promise<BootResult> {
  checkImage(image.bzImage);
  const initramfs = await guestInitramfs();
  const hypervisor = machine.xen === undefined ? undefined : await fetchHypervisor(machine.xen);

  // QEMU ends a path at a blank or a comma in places: short names in a folder of our own have neither.
  const folder = mkdtempSync(join(tmpdir(), "jettison-boot-"));
  const lines: string[] = [];
  let bootSeconds = 0;
  const start = performance.now();
  const onLine = (raw: string) => {
    const line = cleanLine(raw);
    // The beginning tells what happened, and a guest that goes on for ever may not take this machine's memory.
    if (lines.length < mostLines) lines.push(line);
    if (bootSeconds === 0 && line.includes("jettison-guest: begin"))
      bootSeconds = (performance.now() - start) / 1000;
    options.onLine?.(line);
  };
  mkdirSync(dirname(options.log), { recursive: true });
  try {
    symlinkSync(resolve(image.bzImage), join(folder, "image"));
    symlinkSync(initramfs, join(folder, "initramfs"));
    if (hypervisor !== undefined) symlinkSync(hypervisor, join(folder, "hypervisor"));
    const files = {
      image: "image",
      initramfs: "initramfs",
      ...(hypervisor === undefined ? {} : { hypervisor: "hypervisor" }),
    };
    const timeout = options.timeout ?? usualTimeout;
    const ended = await runToEnd(qemuCommand(machine, files, options.append ?? ""), {
      cwd: folder,
      log: options.log,
      timeout,
      onLine,
    });
    if (ended.notFound)
      fail("tool-missing", { tool: qemu, purpose: "booting a machine", package: "qemu-system-x86 seabios" });
    return toResult(machine, lines, readConsole(lines), ended, timeout, bootSeconds, options.log);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `HdrS` at 0x202: Documentation/arch/x86/boot.rst. */
function checkImage(image: string): void {
  const header = Buffer.alloc(0x206);
  try {
    if (!statSync(image).isFile()) fail("image-missing", { image, what: "it is no file" });
    const fd = openSync(image, "r");
    try {
      readSync(fd, header, 0, header.length, 0);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    fail("image-missing", {
      image,
      what: code === "ENOENT" ? "it does not exist" : (error as Error).message,
    });
  }
  if (header.toString("latin1", 0x202) !== "HdrS")
    fail("image-missing", { image, what: "it has no x86 boot header" });
}

function toResult(
  machine: Machine,
  lines: readonly string[],
  reading: ConsoleReading,
  ended: Ended,
  timeout: number,
  bootSeconds: number,
  log: string,
): BootResult {
  const { memTotal, jettison, fill, trouble } = reading;
  const cause = trouble?.cause ?? whyUnfinished(reading, ended, timeout, lines.length);
  if (cause !== undefined || memTotal === undefined || fill === undefined)
    fail("guest-failed", {
      machine: machine.name,
      cause: cause ?? "it did not say how much memory it has and used",
      console: excerpt(lines, trouble?.line),
      log,
    });
  return {
    machine: machine.name,
    memTotal,
    mode: jettison?.mode ?? null,
    components: jettison?.components ?? [],
    pages: jettison?.pages ?? 0,
    bytes: jettison?.bytes ?? 0,
    gateCalls: jettison?.gateCalls ?? 0,
    selftest: jettison?.selftest ?? null,
    fill,
    bootSeconds,
    seconds: ended.seconds,
    kernelLog: reading.kernelLog,
    log,
  };
}

function whyUnfinished(
  { begun, done }: ConsoleReading,
  ended: Ended,
  timeout: number,
  lines: number,
): string | undefined {
  const where = begun ? "in its program" : lines > 0 ? "before its program began" : "before it wrote a line";
  if (ended.timedOut)
    return done === undefined
      ? `it hangs ${where}: it had not ended after ${Math.round(timeout / 1000)} s`
      : `it does not turn itself off: it had not ended after ${Math.round(timeout / 1000)} s`;
  if (ended.status !== undefined) return `QEMU ${ended.status}`;
  if (done === undefined) return `it ended ${where}`;
  return done === "ok" ? undefined : "its program failed without a cause";
}

const excerptLines = 12;

/** The console's last lines, and before them those from the first trouble on. */
function excerpt(lines: readonly string[], trouble: number | undefined): string {
  const last = lines.length - excerptLines;
  if (trouble === undefined || trouble >= last) return lines.slice(-excerptLines).join("\n");
  const around = lines.slice(trouble, trouble + excerptLines);
  const after = Math.max(last, trouble + excerptLines);
  const gap = after > trouble + excerptLines ? [`... ${after - trouble - excerptLines} lines ...`] : [];
  return [...around, ...gap, ...lines.slice(after)].join("\n");
}
