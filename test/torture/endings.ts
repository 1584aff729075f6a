// SPDX-License-Identifier: Apache-2.0
/**
 * How a kernel whose components have left ends, and what comes after it: kexec, reboot, a crash dump, hibernation. Every boot
 * has `panic_on_warn=1`.
 */
import { cpSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "../../src/cache.js";
import { fromPackages } from "../../src/machine/debianPackages.js";
import { type HostFiles, librariesOf } from "../../src/machine/hostFiles.js";
import { loadMachine, type Machine } from "../../src/machine/machine.js";
import { projectRoot } from "../../src/root.js";
import { withScratchFolder } from "../../src/scratch.js";
import { findFaults, type GuestRun, makeInitramfs, runGuest } from "../support/guest/guest.js";
import { compileHelper, functions, longestBoot, tortureScript } from "./torture.js";

export interface EndingOptions {
  readonly bzImage: string;
  readonly machine: Machine;
  /** Console of each boot: `.log` is added. */
  readonly log: string;
}

export interface Ended {
  readonly what: string;
  readonly trouble: readonly string[];
}

export type EndedOn = Ended & { readonly machine: string };

const timeout = longestBoot;
const strict = "panic_on_warn=1 nosoftlockup rcupdate.rcu_cpu_stall_timeout=300";

/** Says what has left; what follows runs only where no gate was called. */
const states = (when: string) => `
  say "${when} $(grep -l jettisoned $J/*/state | sed 's#.*/\\(.*\\)/state#\\1#' | tr '\\n' ' ')"
  [ "$(look $J/gate_calls)" = 0 ] || say "failed: gates were called"
  [ "$(look $JD/selftest_failures)" = 0 ] || [ "$(look $J/mode)" != selftest ] || say "failed: the self-test"`;

const packages = [
  ...["kexec-tools", "makedumpfile", "liblzo2-2", "libxenmisc4.17", "libxencall1", "libxendevicemodel1"],
  ...["libxenevtchn1", "libxenforeignmemory1", "libxengnttab1", "libxentoolcore1", "libxentoollog1"],
  ...["libxenstore4"],
];

/** Debian's programs around kexec, with their libraries. */
async function fetchTools(names: readonly string[]): Promise<HostFiles> {
  const folder = await fromPackages(packages, cacheFolder("guest", "crash-tools"), (unpacked, making) => {
    for (const from of ["sbin", "usr/bin"])
      cpSync(join(unpacked, from), join(making, "bin"), { recursive: true });
    for (const from of ["lib", "usr/lib"].map((folder) => join(unpacked, folder, "x86_64-linux-gnu")))
      cpSync(from, join(making, "lib"), { recursive: true, verbatimSymlinks: true });
  });
  const files: Record<string, Uint8Array> = {};
  for (const name of names) {
    const program = join(folder, "bin", name);
    files[`bin/${name}`] = readFileSync(program);
    Object.assign(files, await librariesOf(program, join(folder, "lib")));
  }
  return files;
}

function judge({ lines, isDone }: GuestRun, expected: readonly RegExp[], isFault = lines): string[] {
  const said = lines.filter((line) => line.includes("guest-says: "));
  return [
    findFaults(isFault) ?? [],
    isDone ? [] : "the script did not come to its end",
    said.filter((line) => line.includes("failed")),
    expected.filter((words) => !said.some((line) => words.test(line))).map((words) => `nobody said ${words}`),
  ].flat();
}

const heard = ({ said }: GuestRun, pattern: RegExp) =>
  said.flatMap((line) => pattern.exec(line)?.[1]?.trim() ?? []).join("; ");

/** The machine resets: QEMU ends. */
export async function reboot({ bzImage, machine, log }: EndingOptions): Promise<Ended> {
  const run = await runGuest({
    ...{ bzImage, machine, timeout, log: `${log}-reboot.log` },
    append: `jettison=selftest ${strict} jettison_end=reset`,
    script: states("boots with"),
  });
  return { what: "reset", trouble: judge(run, [/boots with \w/]) };
}

/** One kernel starts another, of the same image, which resets the machine. `how` is a flag of Debian's kexec. */
export async function kexec(options: EndingOptions & { how: "-s" | "-c" }): Promise<Ended> {
  const { bzImage, machine, log, how } = options;
  const { append } = machine;
  const run = await runGuest({
    ...{ bzImage, machine, timeout, log: `${log}-kexec.log` },
    append: `jettison=selftest ${strict}`,
    files: {
      ...(await fetchTools(["kexec"])),
      "next/image": readFileSync(bzImage),
      "next/initramfs": makeInitramfs({ script: states("second has lost") }),
    },
    script: `
      ${states("first has lost")}
      try kexec ${how} -l /next/image --initrd=/next/initramfs \\
        --append="${append} nokaslr panic=-1 oops=panic no_timer_check jettison=selftest ${strict} jettison_end=reset"
      kexec -x -e
      say "failed: the kernel comes back from kexec"`,
  });
  return { what: `kexec ${how} and reset`, trouble: judge(run, [/first has lost \w/, /second has lost \w/]) };
}

/** `address name` of functions that leave, on one machine or another, as the final link placed them. */
function addressesOf(systemMap: string): string {
  const wanted = new Set([...functions.map((one) => one.replace(/.*:/, "")), "schedule_timeout"]);
  const lines = readFileSync(systemMap, "utf8").split("\n");
  return lines
    .map((line) => line.split(" "))
    .filter(([, , name]) => name !== undefined && wanted.has(name))
    .map(([address, , name]) => `${address} ${name}\n`)
    .join("");
}

/**
 * A kernel that crashes, and another of the same image, booted with `jettison=` as given, that reads the dump: with a
 * reader of our own, which resolves names by the dump's own symbol table and reads what is there, to the end; and with
 * Debian's makedumpfile and vmcore-dmesg.
 */
export async function crash(
  options: EndingOptions & { how: "-s" | "-c"; next: string; systemMap: string },
): Promise<Ended> {
  const { bzImage, machine, log, how, next, systemMap } = options;
  const reader = `
    ${states("crash kernel has lost")}
    words=$(/helper vmcore /addresses 2>&1) && say "dump: $words" || say "failed: dump: $words"
    rows=$(vmcore-dmesg /proc/vmcore | grep -c jettison:) && say "log of the dump: $rows lines of jettison"
    makedumpfile -d 31 /proc/vmcore /dump >/tmp/out 2>&1 || say "failed: makedumpfile: $(tail -n 3 /tmp/out)"
    say "makedumpfile: $(stat -c %s /dump) bytes"`;
  const run = await runGuest({
    ...{ bzImage, timeout, log: `${log}-crash.log` },
    machine: { ...machine, memory: 1024 },
    append: `jettison=selftest ${strict} crashkernel=320M`,
    files: {
      ...(await fetchTools(["kexec"])),
      "next/image": readFileSync(bzImage),
      "next/initramfs": makeInitramfs({
        script: reader,
        files: {
          ...(await fetchTools(["makedumpfile", "vmcore-dmesg"])),
          helper: compileHelper(),
          addresses: addressesOf(systemMap),
        },
      }),
    },
    script: `
      ${states("first has lost")}
      try kexec ${how} -p /next/image --initrd=/next/initramfs \\
        --append="${machine.append} nokaslr panic=-1 oops=panic no_timer_check ${next} ${strict} nr_cpus=1 reset_devices"
      [ "$(cat /sys/kernel/kexec_crash_loaded)" = 1 ] || say "failed: nothing was loaded"
      say "now it crashes"
      echo c >/proc/sysrq-trigger
      say "failed: it did not crash"`,
  });
  // Without the reports of the crash that was asked for.
  const crashes = run.lines.findIndex((line) => line.includes("now it crashes"));
  const after = run.lines.findIndex((line, index) => index > crashes && line.includes("Linux version "));
  const others = after < 0 ? run.lines : [...run.lines.slice(0, crashes), ...run.lines.slice(after)];
  const expected = [/first has lost \w/, /crash kernel has lost/, /dump: \d/, /log of the dump: [1-9]/];
  return {
    what: `kexec ${how} -p, crash kernel with ${next}: ${heard(run, /^(dump: .*)/)}; ${heard(run, /^(makedumpfile: .*)/)}`,
    trouble: judge(run, expected, others),
  };
}

/**
 * A kernel hibernates to a disk; another boot of the image, which may free other components or none, puts it back. The
 * first one goes on then, and stands some parts of the torture.
 */
export async function hibernate(
  options: EndingOptions & { name: string; first: string; second: string },
): Promise<Ended> {
  const { bzImage, machine, log, name, first, second } = options;
  return withScratchFolder(tmpdir(), async (folder) => {
    const disk = join(folder, "disk");
    writeFileSync(disk, "");
    truncateSync(disk, 512 << 20);
    const withDisk = {
      ...machine,
      memory: 512,
      qemu: [
        ...machine.qemu,
        ["-drive", `file=${disk},if=none,id=disk,format=raw`],
        ["-device", "nvme,serial=1,drive=disk"],
      ],
    };
    const boot = (turn: string, append: string, script: string) =>
      runGuest({
        ...{ bzImage, machine: withDisk, timeout, script },
        log: `${log}-hibernate-${name}-${turn}.log`,
        append: `${append} ${strict}`,
        files: { helper: compileHelper() },
      });
    const asleep = await boot(
      "first",
      first,
      `
        ${states("first has lost")}
        mkswap /dev/nvme0n1 && swapon /dev/nvme0n1 || say "failed: no swap"
        echo shutdown >/sys/power/disk
        say "hibernates"
        echo disk >/sys/power/state || say "failed: it does not hibernate"
        say "woke"
        ${states("first still has lost")}
        swapoff /dev/nvme0n1
        PARTS="files cpus pci memory"
        ${tortureScript}`,
    );
    const awake = await boot(
      "second",
      second,
      `
        ${states("second has lost")}
        cat /sys/class/block/nvme0n1/dev >/sys/power/resume
        say "failed: it did not resume"`,
    );
    const parts = awake.said.filter((line) => /^(?:files|cpus|pci|memory) ok/.test(line)).length;
    const fault = findFaults(asleep.lines);
    const trouble = [
      fault ?? [],
      asleep.said.at(-1) === "hibernates" ? [] : `first: ${asleep.said.at(-1)}`,
      judge(awake, [/second has lost/, /woke/, /first still has lost/]),
      parts === 4 ? [] : `${parts} of 4 parts after it`,
    ].flat();
    return { what: `hibernates with ${first}, comes back by ${second}, ${parts} parts after that`, trouble };
  });
}

export interface Finished {
  /** The bzImage. */
  readonly image: string;
  readonly output: string;
}

/**
 * The ways in which a kernel ends, on each machine that knows them, or those of them that are wanted: `crash`, `kexec`,
 * `reset`, and hibernations by their names below. Linux as dom0 loads no other kernel itself.
 */
export async function tryEndings(
  build: Finished,
  machines: readonly string[],
  wanted?: readonly string[],
): Promise<EndedOn[]> {
  const done: EndedOn[] = [];
  const on = async (name: string, way: string, end: (options: EndingOptions) => Promise<Ended>) => {
    if (!machines.includes(name) || wanted?.includes(way) === false) return;
    const machine = { ...loadMachine(name), memory: 512 };
    const log = join(projectRoot, `out/torture-ends-${name}`);
    const start = performance.now();
    const ended = await end({ bzImage: build.image, machine, log });
    done.push({ machine: name, ...ended });
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    console.log(`${name}: ${ended.what}: ${ended.trouble.join("; ") || "nothing warned"} (${seconds} s)`);
  };
  const systemMap = join(build.output, "System.map");
  const freed = "jettison=selftest";
  const fewer = "jettison=on jettison.keep=xen,hyperv,swiotlb";
  for (const machine of ["q35", "amdvi"]) {
    await on(machine, "crash", (options) => crash({ ...options, systemMap, how: "-c", next: freed }));
    await on(machine, "crash", (options) =>
      crash({ ...options, systemMap, how: "-s", next: "jettison=off" }),
    );
  }
  for (const [machine, name, first, second] of [
    ["q35", "same", freed, freed],
    ["q35", "fewer", freed, fewer],
    ["q35", "more", fewer, freed],
    ["amdvi", "same", freed, freed],
    ["amdvi", "fewer", freed, fewer],
    ["vtd", "same", freed, freed],
    ["vtd", "fewer", freed, fewer],
    ["q35", "into-off", freed, "jettison=off"],
    ["q35", "from-off", "jettison=off", freed],
  ] as const)
    await on(machine, name, (options) => hibernate({ ...options, name, first, second }));
  for (const [index, machine] of ["q35", "amdvi", "vtd", "pc"].entries())
    await on(machine, "kexec", (options) => kexec({ ...options, how: index % 2 === 0 ? "-s" : "-c" }));
  for (const machine of machines) await on(machine, "reset", reboot);
  return done;
}
