// SPDX-License-Identifier: Apache-2.0
/**
 * Job definitions for LAVA (schema: lava_common.schemas). LAVA fetches the kernel and the guest's only program, boots them and
 * watches the console, where the program prints the kernel's state. A monitor takes results from four of these lines; the
 * job's log is a console that `jettison report --console` reads.
 */
import { stringify } from "yaml";
import { fail } from "../diagnostics.js";
import type { Machine } from "../machine/machine.js";
import { kernelCommandLine, tcg } from "../machine/qemuCommand.js";

/** A file that LAVA fetches. */
export interface LabFile {
  readonly url: string;
  readonly sha256sum: string;
}

export interface LabFiles {
  readonly kernel: LabFile;
  readonly ramdisk: LabFile;
}

/** A device type of the lab that is a real machine, and how LAVA boots it. */
export interface Board {
  readonly name: string;
  readonly method: "grub" | "ipxe";
}

/**
 * The result is "0" or "ok" where that is the rest of the line, and "" for all else. The end of the line belongs to the
 * pattern: LAVA searches what has arrived so far.
 */
export const monitor = {
  name: "jettison",
  start: "jettison-guest: begin",
  end: "reboot: (?:Power down|Restarting system)",
  pattern: String.raw`jettison-guest: (?:(?:sys|debug)fs )?(?P<test_case_id>gate_calls|selftest_failures|done|failed) (?P<result>(?:0|ok)(?=[\r\n])|)[^\r\n]*[\r\n]`,
  fixupdict: { "0": "pass", ok: "pass", "": "fail" },
} as const;

const frame = (name: string, actions: readonly object[]) => ({
  job_name: `jettison ${name}`,
  timeouts: { job: { minutes: 20 }, action: { minutes: 10 }, connection: { minutes: 5 } },
  visibility: "public",
  priority: "medium",
  metadata: { "jettison.machine": name },
  actions: [...actions, { test: { timeout: { minutes: 10 }, monitors: [monitor] } }],
});

/** LAVA splits the command as a shell does, and takes braces for its own placeholders. */
function checkCommandLine(machine: string, commandLine: string): void {
  const odd = /["'\\{}\n\r]/.exec(commandLine)?.[0];
  if (odd !== undefined)
    fail("lab-machine", {
      machine,
      what: `LAVA does not pass on the ${JSON.stringify(odd)} of the kernel's command line ${JSON.stringify(commandLine)}`,
    });
}

/** QEMU is started by LAVA's device type `qemu`: what follows is put behind the options that it always gives. */
function qemuJob(machine: Machine, append: string, { kernel, ramdisk }: LabFiles): object {
  const what = machine.xen === undefined ? "its host" : "Xen";
  if (machine.xen !== undefined || machine.kvm !== undefined)
    fail("lab-machine", {
      machine: machine.name,
      what: `LAVA's device type qemu cannot start ${what} below it`,
    });
  const options = [
    ...machine.qemu.flat(),
    ...["-accel", tcg, "-smp", `${machine.cpus}`, "-nodefaults", "-serial", "stdio", "-no-reboot"],
  ];
  // LAVA splits the command at blanks.
  const odd = options.find((word) => /[\s"'\\{}]/.test(word));
  if (odd !== undefined)
    fail("lab-machine", { machine: machine.name, what: `LAVA would take ${odd} for several words` });
  const commandLine = kernelCommandLine(machine, append).trimEnd();
  checkCommandLine(machine.name, commandLine);
  return {
    device_type: "qemu",
    context: { arch: "x86_64", no_kvm: true, memory: machine.memory, extra_options: options },
    ...frame(machine.name, [
      {
        deploy: {
          to: "tmpfs",
          timeout: { minutes: 5 },
          images: {
            kernel: { image_arg: `-kernel {kernel} -append "${commandLine}"`, ...kernel },
            ramdisk: { image_arg: "-initrd {ramdisk}", ...ramdisk },
          },
        },
      },
      { boot: { method: "qemu", media: "tmpfs", timeout: { minutes: 5 } } },
    ]),
  };
}

/** A real machine may have memory that takes hours to fill. */
function boardJob({ name, method }: Board, append: string, { kernel, ramdisk }: LabFiles): object {
  const commandLine = `panic=-1 oops=panic jettison_fill=no ${append}`.trimEnd();
  checkCommandLine(name, commandLine);
  return {
    device_type: name,
    context: { extra_kernel_args: commandLine },
    ...frame(name, [
      {
        deploy: {
          to: "tftp",
          timeout: { minutes: 5 },
          kernel,
          ramdisk: { ...ramdisk, compression: "gz", install_modules: false, install_overlay: false },
        },
      },
      { boot: { method, commands: "ramdisk", timeout: { minutes: 10 } } },
    ]),
  };
}

export const formatLavaJob = (target: Machine | Board, append: string, files: LabFiles): string =>
  `# SPDX-License-Identifier: Apache-2.0\n${stringify(
    "method" in target ? boardJob(target, append, files) : qemuJob(target, append, files),
    { lineWidth: 0 },
  )}`;
