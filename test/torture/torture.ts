// SPDX-License-Identifier: Apache-2.0
/** One boot of the torture: a kernel on a machine, the parts of torture.sh after another, and what came of them. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "../../src/machine/machine.js";
import { projectRoot } from "../../src/root.js";
import { temporaryFolder } from "../support/compile.js";
import { findFaults, runGuest } from "../support/guest/guest.js";

export interface TortureOptions {
  readonly bzImage: string;
  readonly machine: Machine;
  readonly parts: readonly string[];
  /** Built against this very kernel. */
  readonly modules: Readonly<Record<string, Uint8Array>>;
  readonly append?: string;
  /** Instructions, as `function+offset`, at which there are probes from the command line on; all exist in this kernel. */
  readonly armed?: readonly string[];
  readonly log: string;
  readonly timeout?: number;
}

export interface Tortured {
  /** By part: `ok` or `absent`, and what it did or lacked. */
  readonly parts: Readonly<Record<string, string>>;
  /** Components that had left, and pages. */
  readonly gone: string;
  /** Everything that is not as it should be. */
  readonly trouble: readonly string[];
}

/**
 * Milliseconds. A boot needs some five minutes of a processor, and on a shared host it may have a tenth of one. A guest that
 * hangs ends sooner: its own watchdogs panic.
 */
export const longestBoot = 3_600_000;

/** The power button is pressed so often, in milliseconds, until the guest has woken: on a busy host it goes to sleep slowly. */
const pressEvery = 15_000;

/** A function that stays everywhere, and is called all the time. */
const resident = "schedule_timeout";

/** Two functions of each component that leave with it. */
export const functions = [
  ...["amd-vi:amd_iommu_register_ga_log_notifier", "amd-vi:amd_iommu_probe_device"],
  ...["intel-vtd:dmar_device_add", "intel-vtd:intel_iommu_probe_device"],
  ...["gart:gart_map_page", "gart:gart_alloc_coherent"],
  ...["swiotlb:swiotlb_map", "swiotlb:swiotlb_tbl_map_single"],
  ...["xen:xenbus_dev_probe", "xen:gnttab_grant_foreign_access"],
  ...["hyperv:vmbus_open", "hyperv:netvsc_probe"],
  ...[
    "cpu-intel:intel_pstate_set_policy",
    "cpu-intel:uncore_pmu_event_init",
    "cpu-intel:intel_pmu_hw_config",
  ],
  ...["cpu-amd:amd_pmu_hw_config", "cpu-amd:powernowk8_target"],
];

/** Beside the kernel's own reports of faults: what some checks say in words of their own. */
const complaints = [
  /kmemleak: \d+ new suspected memory leaks/,
  /CPA (?:protect|detected)/,
  /jump_label: Fatal/,
  /jettison: .*(?:make no sense|failed)/,
  /\b[1-9]\d* failures\b/,
  /kallsyms_selftest: .*(?:abort|failed|mismatch)/,
  /the guest had not ended/,
];

/** The kernel that the environment names, which was built before: JETTISON_TORTURE_BUILD=FOLDER. */
export function builtBefore(): { readonly image: string; readonly output: string } | undefined {
  const output = process.env.JETTISON_TORTURE_BUILD;
  if (output === undefined) return undefined;
  const image = join(output, "arch/x86/boot/bzImage");
  if (!existsSync(image)) throw new Error("JETTISON_TORTURE_BUILD is no folder of a finished build");
  return { image, output };
}

/** A module from outside the tree, one that patches, and a device that VFIO hands on without an IOMMU (TAINT_USER). */
const allowedTaint = (1 << 12) | (1 << 15) | (1 << 6);

export const tortureScript = readFileSync(join(projectRoot, "test/torture/torture.sh"), "utf8");

export function compileHelper(): Uint8Array {
  const helper = join(temporaryFolder(), "helper");
  const sources = ["main.c", "dump.c", "devices.c"].map((file) =>
    join(projectRoot, "test/torture/helper", file),
  );
  execFileSync("gcc", ["-static", "-O2", "-o", helper, ...sources]);
  return readFileSync(helper);
}

/** The machine with a free slot that a card can be plugged into while it runs. */
function withSlot(machine: Machine): { machine: Machine; plug: string } {
  const isOld = machine.qemu.some((option) => option.join(" ") === "-M pc");
  if (isOld) return { machine, plug: "device_add e1000,romfile=,id=plugged" };
  const slot = ["-device", "pcie-root-port,id=rp9,chassis=9,slot=9"];
  return {
    machine: { ...machine, qemu: [...machine.qemu, slot] },
    plug: "device_add e1000e,romfile=,id=plugged,bus=rp9",
  };
}

const functionOf = (place: string) => place.replace(/\+.*/, "");

/** Probes, named as their functions, and the function tracer there: before anything leaves. Xen passes 1,023 characters on. */
function arm(places: readonly string[]): string {
  if (places.length === 0) return "";
  const all = [...places, resident];
  const probes = all.map((place) => `p:${functionOf(place)},${place}`).join(";");
  return `kprobe_event=${probes} ftrace=function ftrace_filter=${all.map(functionOf).join(",")}`;
}

export async function torture(options: TortureOptions): Promise<Tortured> {
  const { bzImage, log, parts, append = "", armed = [], timeout = longestBoot } = options;
  const { machine, plug } = withSlot(options.machine);
  const commands: Record<string, string> = { plug, unplug: "device_del plugged" };
  let pressing: NodeJS.Timeout | undefined;
  const { lines, said, isDone } = await runGuest({
    ...{ bzImage, machine, log, timeout },
    append: `jettison=selftest rcupdate.rcu_cpu_stall_timeout=300 ${arm(armed)} ${append}`,
    files: { helper: compileHelper(), ...options.modules },
    script: `
      RESIDENT=${resident} FREED=
      for one in ${functions.join(" ")}; do
        [ "$(look $J/\${one%:*}/state)" = jettisoned ] && FREED="$FREED \${one#*:}"
      done
      ARMED="${armed.map(functionOf).join(" ")}"
      PARTS="${parts.join(" ")}"
      ${tortureScript}`,
    onSaid(line, monitor) {
      const command = /^please (\w+)$/.exec(line)?.[1];
      clearInterval(pressing);
      // It says so before it goes to sleep.
      if (command === "wake") pressing = setInterval(() => monitor("system_powerdown"), pressEvery);
      else if (command !== undefined) monitor(commands[command]!);
    },
  });
  clearInterval(pressing);
  const heard = (pattern: RegExp) => said.flatMap((line) => pattern.exec(line)?.slice(1) ?? []);
  const results = Object.fromEntries(
    parts.map((part) => [
      part,
      heard(new RegExp(`^${part} ((?:ok|absent|failed)\\b.*)`))
        .at(0)
        ?.trim(),
    ]),
  );
  const taint = Number(heard(/^tainted (\d+)$/)[0] ?? -1);
  const trouble = [
    findFaults(lines) ?? [],
    lines.filter((line) => complaints.some((complaint) => complaint.test(line))),
    isDone ? [] : "the script did not come to its end",
    (taint & ~allowedTaint) === 0 ? [] : `the kernel is tainted: ${taint}`,
    parts
      .filter((part) => !/^(?:ok|absent)\b/.test(results[part] ?? ""))
      .map((part) => `${part} ${results[part]}`),
  ].flat();
  return {
    parts: Object.fromEntries(parts.map((part) => [part, results[part] ?? "nothing"])),
    gone: heard(/^gone (.*)$/)[0] ?? "",
    trouble,
  };
}
