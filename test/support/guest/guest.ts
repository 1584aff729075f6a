// SPDX-License-Identifier: Apache-2.0
/** A guest that runs a shell script: busybox, kernel modules and whatever else a test gives it, in an initramfs. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { cleanLine, readConsole } from "../../../src/machine/console.js";
import { type CpioEntry, writeCpio } from "../../../src/machine/cpio.js";
import { layOutHypervisor } from "../../../src/machine/hypervisor.js";
import type { Machine } from "../../../src/machine/machine.js";
import { qemuCommand } from "../../../src/machine/qemuCommand.js";
import { runToEnd } from "../../../src/process.js";
import { projectRoot } from "../../../src/root.js";
import { withScratchFolder } from "../../../src/scratch.js";

export interface GuestOptions {
  readonly bzImage: string;
  readonly machine: Machine;
  /** The script that runs once `prelude.sh` has mounted the usual file systems. */
  readonly script: string;
  /** Further files of the guest, by their path in it; all may be executed. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** The character device that the kernel opens as its console before anything runs: major and minor number. */
  readonly console?: readonly [number, number];
  /** ACPI tables that take the place of the machine's own, of the same name and maker (CONFIG_ACPI_TABLE_UPGRADE). */
  readonly acpiTables?: readonly Uint8Array[];
  readonly append?: string;
  /** Where the console goes as it is. */
  readonly log: string;
  /** Milliseconds. */
  readonly timeout?: number;
  /** Called with each line that the script says; `monitor` gives QEMU's monitor a command. */
  readonly onSaid?: (line: string, monitor: (command: string) => void) => void;
}

export interface GuestRun {
  /** The console, each line cleaned. */
  readonly lines: readonly string[];
  /** The lines that the script printed with `say`. */
  readonly said: readonly string[];
  /** The script came to its end. */
  readonly isDone: boolean;
}

const folder = 0o040755;
const program = 0o100755;
const plainFile = 0o100644;
const characterDevice = 0o020600;
/** Debian's busybox-static. */
const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((file) => existsSync(file)) ?? "/bin/busybox";
const prelude = readFileSync(join(projectRoot, "test/support/guest/prelude.sh"), "utf8");

export async function runGuest(options: GuestOptions): Promise<GuestRun> {
  const { machine, append = "", log, timeout = 300_000 } = options;
  mkdirSync(dirname(log), { recursive: true });
  const lines: string[] = [];
  await withScratchFolder(tmpdir(), async (cwd) => {
    symlinkSync(resolve(options.bzImage), join(cwd, "image"));
    writeFileSync(join(cwd, "initramfs"), makeInitramfs(options));
    await layOutHypervisor(machine, cwd, append);
    const onLine = (raw: string) => {
      const line = cleanLine(raw);
      lines.push(line);
      const words = saidIn(line);
      if (words !== undefined) options.onSaid?.(words, (command) => tellMonitor(cwd, command));
      // Without ACPI a machine cannot switch itself off.
      if (/reboot: .*System halted/.test(line)) tellMonitor(cwd, "quit");
    };
    const argv = [...qemuCommand(machine, append), "-monitor", "unix:monitor,server=on,wait=off"];
    const ended = await runToEnd(argv, { cwd, log: resolve(log), timeout, onLine });
    if (ended.notFound) throw new Error("qemu-system-x86_64 is not installed");
    if (ended.timedOut) lines.push(`the guest had not ended after ${timeout / 1000} s`);
  });
  const said = lines.flatMap((line) => saidIn(line) ?? []);
  return { lines, said: said.filter((line) => line !== "done"), isDone: said.at(-1) === "done" };
}

const saidIn = (line: string) => /\bguest-says: (.*)/.exec(line)?.[1];

function tellMonitor(cwd: string, command: string): void {
  const socket = connect(join(cwd, "monitor"), () => socket.end(`${command}\n`));
  socket.resume();
  socket.on("error", () => {}); // QEMU has ended meanwhile: the script will not have come to its end
}

/** The initramfs whose first program is the script. */
export function makeInitramfs({
  script,
  files = {},
  console = [5, 1],
  acpiTables = [],
}: Pick<GuestOptions, "script" | "files" | "console" | "acpiTables">): Buffer {
  const contents: Record<string, string | Uint8Array> = {
    "bin/busybox": readFileSync(busybox),
    init: `${prelude}\n${script}\nfinish\n`,
    ...files,
  };
  const folders = new Set(["dev", "proc", "sys", "sbin", "tmp"]);
  for (const path of Object.keys(contents))
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) folders.add(parent);
  const entries: CpioEntry[] = [
    ...[...folders].sort().map((name) => ({ name, mode: folder })),
    // The kernel's own initramfs has this device already, and only another kind of file takes its place.
    { name: "dev/console", mode: program },
    { name: "dev/console", mode: characterDevice, device: console },
    ...Object.entries(contents).map(([name, content]) => ({
      name,
      mode: program,
      content: Buffer.from(content),
    })),
  ];
  const early = acpiTables.map((content, index) => ({
    ...{ name: `kernel/firmware/acpi/${index}.aml`, mode: plainFile, content },
  }));
  // The kernel looks for tables before it can unpack anything.
  const first = early.length === 0 ? [] : [writeCpio(early)];
  return Buffer.concat([...first, gzipSync(writeCpio(entries), { level: 1 })]);
}

/** The kernel's reports of its own faults, but those lines that are expected. */
export const findFaults = (lines: readonly string[], isExpected: (line: string) => boolean = () => false) =>
  readConsole(lines.filter((line) => !isExpected(line))).trouble?.cause;

/** The line that the kernel logs at the first call of a shut gate. */
export const isGateCall = (line: string) => /jettison: .* called \S+\(\), which is gone/.test(line);
