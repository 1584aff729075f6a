// SPDX-License-Identifier: Apache-2.0
/**
 * Measures the cost of a micro-VM for its host: memory of the QEMU process while the guest sleeps. The guest reports its free pages
 * (virtio-balloon), and the host takes them back.
 */
import { readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../diagnostics.js";
import { runToEnd } from "../process.js";
import { withScratchFolder } from "../scratch.js";
import { cleanLine, readConsole } from "./console.js";
import { guestInitramfs } from "./initramfs.js";
import { qemu } from "./qemuCommand.js";

export interface IdleGuest {
  /** Bytes, as all sizes here. */
  readonly memTotal: number;
  /** Pages that the kernel gave back; 0 for a kernel without Jettison. */
  readonly pagesFreed: number;
  /** The host's memory in use for the guest's RAM. */
  readonly guestResident: number;
  /** The whole process, its share of what it shares with others. */
  readonly processResident: number;
}

export interface IdleOptions {
  /** Further words for the kernel's command line. */
  readonly append: string;
  /** Smallest run of pages that the guest reports, as a power of two. */
  readonly reportOrder: number;
  readonly log: string;
}

const memory = "256M";

/** A file in memory, so that the host's huge pages have no part in it and the mapping has a name. */
const ram = "memory-backend-memfd";

function idleCommand({ append, reportOrder }: IdleOptions): string[] {
  const commandLine = [
    "console=ttyS0 reboot=t panic=-1 oops=panic no_timer_check jettison_fill=idle",
    ...[`page_reporting.page_reporting_order=${reportOrder}`, append],
  ].join(" ");
  return [
    qemu,
    ...[
      "-M",
      "microvm,acpi=off,pit=on,pic=on,rtc=on,memory-backend=ram",
      "-object",
      `${ram},id=ram,size=${memory},share=on`,
    ],
    ...["-accel", "tcg,thread=single", "-m", memory, "-smp", "1"],
    ...["-nodefaults", "-nographic", "-serial", "stdio", "-no-reboot"],
    ...["-device", "virtio-balloon-device,free-page-reporting=on"],
    ...["-kernel", "vmlinux", "-initrd", "initramfs", "-append", commandLine.padEnd(400)],
  ];
}

/** Milliseconds between two looks; the guest's kernel waits two seconds before it reports. */
const interval = 2000;
/** Looks at the end that show the same. */
const steadyLooks = 4;
const mostLooks = 60;
/** Without one the guest would sleep for ever. */
const timeout = 300_000;

type Resident = Pick<IdleGuest, "guestResident" | "processResident">;

/** The process's Pss, and the resident part of the mapping that is the guest's RAM. */
function readResident(smaps: string): Resident {
  let isRam = false;
  let guestResident = 0;
  let processResident = 0;
  for (const line of smaps.split("\n")) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isRam = line.includes(ram);
    const [, name, kib] = /^(Rss|Pss): +(\d+) kB$/.exec(line) ?? [];
    if (name === "Rss" && isRam) guestResident += Number(kib) * 1024;
    if (name === "Pss") processResident += Number(kib) * 1024;
  }
  return { guestResident, processResident };
}

/** The value that it settles at; undefined if it does not. */
async function watchMemory(pid: number): Promise<Resident | undefined> {
  let last = readResident(readFileSync(`/proc/${pid}/smaps`, "utf8"));
  for (let look = 0, steady = 0; look < mostLooks; look++) {
    await sleep(interval);
    const now = readResident(readFileSync(`/proc/${pid}/smaps`, "utf8"));
    steady = now.guestResident === last.guestResident ? steady + 1 : 0;
    if (steady === steadyLooks) return now;
    last = now;
  }
  return undefined;
}

/** Starts a vmlinux by PVH on QEMU's microvm, waits until nothing changes any more, and ends it. */
export async function measureIdleGuest(vmlinux: string, options: IdleOptions): Promise<IdleGuest> {
  const initramfs = await guestInitramfs();
  return withScratchFolder(tmpdir(), async (cwd) => {
    symlinkSync(resolve(vmlinux), join(cwd, "vmlinux"));
    symlinkSync(initramfs, join(cwd, "initramfs"));
    const lines: string[] = [];
    let pid = 0;
    let looking: ReturnType<typeof watchMemory> | undefined;
    const onLine = (raw: string) => {
      const line = cleanLine(raw);
      lines.push(line);
      if (!line.includes("jettison-guest: done ok") || looking !== undefined) return;
      looking = watchMemory(pid).finally(() => process.kill(-pid, "SIGTERM"));
      looking.catch(() => {}); // awaited below, after QEMU's end
    };
    const ended = await runToEnd(idleCommand(options), {
      ...{ cwd, log: resolve(options.log), timeout, onLine },
      onStart: (started) => {
        pid = started;
      },
    });
    if (ended.notFound)
      fail("tool-missing", { tool: qemu, purpose: "booting a machine", package: "qemu-system-x86 seabios" });
    const { memTotal, jettison, trouble } = readConsole(lines);
    const resident = await looking;
    const unmeasured =
      looking === undefined || memTotal === undefined
        ? "it ended too early"
        : `its memory had not settled after ${(mostLooks * interval) / 1000} s`;
    if (trouble !== undefined || resident === undefined || memTotal === undefined) {
      const cause = trouble?.cause ?? unmeasured;
      const console = lines.slice(-12).join("\n");
      fail("guest-failed", { machine: "microvm", cause, console, log: options.log });
    }
    return { memTotal, pagesFreed: jettison?.pages ?? 0, ...resident };
  });
}
