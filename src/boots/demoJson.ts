// SPDX-License-Identifier: Apache-2.0
/** The contents of `out/demo.json`. Sizes are bytes, pages are of 4096 bytes. */

import type { BootResult } from "../machine/boot.js";
import type { BootComponent, KernelReport, MemoryUse } from "../machine/console.js";
import { pageSize } from "../x86/x86.js";

export interface DemoComponent {
  readonly component: string;
  readonly state: BootComponent["state"];
  readonly reason: string;
  readonly pages: number;
  readonly bytes: number;
}

export interface DemoMachine {
  readonly machine: string;
  readonly components: readonly DemoComponent[];
  readonly pagesFreed: number;
  readonly memTotalOff: number;
  readonly memTotalOn: number;
  readonly selftest: { readonly pages: number; readonly failures: number };
  /** Beside MemTotal: what is free, page tables and the direct map. */
  readonly memoryOff?: MemoryUse | undefined;
  readonly memoryOn?: MemoryUse | undefined;
  /** How the kernel's image was mapped before pages were freed, and afterwards. */
  readonly mappings?: NonNullable<KernelReport["mappings"]> | undefined;
  /** Time taken to free them. */
  readonly releaseNs?: number | undefined;
}

/** Facts of a machine's boots; a single boot does not give all of them. */
export type MachineResult = Omit<DemoMachine, "memTotalOff" | "memTotalOn" | "selftest"> &
  Partial<Pick<DemoMachine, "memTotalOff" | "memTotalOn" | "selftest">>;

/** With a name for people. */
export type ReportMachine = MachineResult & { readonly title: string };

export const demoVersion = 1;

export interface DemoJson {
  readonly version: typeof demoVersion;
  readonly machines: readonly DemoMachine[];
}

/** A machine's two boots: one with `jettison=off`, one with `jettison=selftest`. */
export function toDemoMachine(off: BootResult, on: BootResult): DemoMachine {
  return {
    machine: on.machine,
    components: on.components.map(({ component, state, reason, bytes }) => ({
      component,
      state,
      reason,
      pages: bytes / pageSize,
      bytes,
    })),
    pagesFreed: on.pages,
    memTotalOff: off.memTotal,
    memTotalOn: on.memTotal,
    selftest: { pages: on.selftest?.pages ?? 0, failures: on.selftest?.failures ?? 0 },
    ...(off.memory === null ? {} : { memoryOff: off.memory }),
    ...(on.memory === null ? {} : { memoryOn: on.memory }),
    ...(on.mappings === null ? {} : { mappings: on.mappings }),
    ...(on.releaseNs === null ? {} : { releaseNs: on.releaseNs }),
  };
}
