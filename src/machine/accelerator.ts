// SPDX-License-Identifier: Apache-2.0
/** QEMU executes a guest with the host's KVM, or with its own translator. */
import { existsSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { runToEnd } from "../process.js";
import { withScratchFolder } from "../scratch.js";
import type { Machine } from "./machine.js";
import { type Accelerator, qemuCommand } from "./qemuCommand.js";

export const acceleratorChoices = ["auto", "kvm", "tcg"] as const;
export type AcceleratorChoice = (typeof acceleratorChoices)[number];

/** Milliseconds. Under KVM a kernel writes its first line in less than one second. */
const trialTimeout = 20_000;

/**
 * KVM where it works. A `/dev/kvm` that can be opened does not show that: a host may offer it and then run no guest. So a
 * trial guest starts the very file on the machine, and has to write its first line to the console.
 */
export async function chooseAccelerator(
  choice: AcceleratorChoice,
  file: string,
  machine: Machine,
  device = "/dev/kvm",
): Promise<Accelerator> {
  if (choice !== "auto") return choice;
  return existsSync(device) && (await reachesConsole(file, machine)) ? "kvm" : "tcg";
}

/** The machine without a hypervisor in it, and without a root file system: the kernel alone. */
async function reachesConsole(file: string, { xen: _xen, kvm: _kvm, ...machine }: Machine): Promise<boolean> {
  return withScratchFolder(tmpdir(), async (cwd) => {
    symlinkSync(resolve(file), join(cwd, "image"));
    symlinkSync("/dev/null", join(cwd, "initramfs"));
    let isReached = false;
    let end = () => {};
    await runToEnd(qemuCommand({ ...machine, append: "console=ttyS0 earlyprintk=ttyS0" }, "", "kvm"), {
      ...{ cwd, timeout: trialTimeout },
      onStart: (pid) => {
        end = () => process.kill(-pid, "SIGKILL");
      },
      onLine(line) {
        if (isReached || !/Linux version /.test(line)) return;
        isReached = true;
        end();
      },
    });
    return isReached;
  });
}
