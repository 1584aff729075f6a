// SPDX-License-Identifier: Apache-2.0
/**
 * Predicts what leaves the memory of a machine that is not booted. The rules are those of
 * runtime/linux/kernel/jettison/decide.c, with `present` in place of `inUse` and three values instead of two: an
 * unknown value leads to the fewest and the most pages that may come back.
 *
 * Machines with the same answers share one outcome, so that a fleet costs little more than reading it.
 */

import type { Present } from "../3-component/component.js";
import type { Plan } from "../plan/plan.js";
import type { Facts } from "../profile/facts.js";
import { sum } from "../sum.js";
import { pageSize } from "../x86/x86.js";
import { describeAbsence, evaluatePresent, type Truth } from "./truth.js";

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

export interface ComponentPrediction {
  readonly component: string;
  readonly present: Truth;
  /** `unknown`: it leaves or stays, by what is not known of the machine. */
  readonly outcome: "leaves" | "stays" | "unknown";
  readonly reason: string;
  /** Pages that come back with it. One that several components share counts at the last of them. */
  readonly pages: Bounds;
}

export interface Outcome {
  readonly pages: Bounds;
  readonly components: readonly ComponentPrediction[];
  /** Bytes of what leaves that stay all the same, in an image for all machines: too small for a page, or pinned. */
  readonly leftBehind: number;
}

export interface Prediction extends Outcome {
  readonly machine: string | undefined;
  readonly formFactor: string | undefined;
  readonly vendor: string | undefined;
  readonly notes: readonly string[];
}

/** Each line of JSON has it. */
export const predictionVersion = 1;

const lineByComponents = new WeakMap<readonly ComponentPrediction[], string>();

/** The prediction as JSON. Parts that machines of one outcome share are written once. */
export function formatPredictionLine(prediction: Prediction): string {
  const { components, pages, leftBehind, ...own } = prediction;
  let shared = lineByComponents.get(components);
  if (shared === undefined) {
    shared = JSON.stringify({ pages, components, leftBehind }).slice(1);
    lineByComponents.set(components, shared);
  }
  return `${JSON.stringify({ version: predictionVersion, ...own }).slice(0, -1)},${shared}`;
}

type Fate = "leaves" | "stays" | "unknown";

/** More than any fleet has; above it, outcomes are computed again. */
const mostOutcomes = 4096;

export class Predictor {
  readonly #components;
  readonly #regions;
  readonly #leftByOwners;
  readonly #padding;
  readonly #hasPti: boolean;
  readonly #outcomes = new Map<string, Outcome>();

  constructor(plan: Plan, presentOf: (component: string) => Present | undefined) {
    this.#components = plan.components
      .filter(({ state }) => state !== "not-built")
      .map((one) => ({ ...one, present: presentOf(one.name) }));
    const index = (name: string) => this.#components.findIndex((one) => one.name === name);
    this.#regions = plan.regions.map(({ owners, pages }) => ({ owners: owners.map(index), pages }));
    this.#leftByOwners = sumLeft(plan).map(({ owners, bytes }) => ({ owners: owners.map(index), bytes }));
    this.#hasPti = plan.columns.objects.includes("arch/x86/mm/pti.o");
    this.#padding = splitPadding(plan);
  }

  predict(facts: Facts): Prediction {
    const words = readWords(facts.commandLine);
    const present = this.#components.map((one) => evaluatePresent(one.present, facts));
    const pti = this.#hasPti ? isPtiOn(facts, words) : "no";
    const key = `${present.join()} ${pti} ${words.key}`;
    let outcome = this.#outcomes.get(key);
    if (outcome === undefined) {
      outcome = this.#decide(present, pti, words);
      if (this.#outcomes.size < mostOutcomes) this.#outcomes.set(key, outcome);
    }
    const { name: machine, formFactor, vendor } = facts;
    return { machine, formFactor, vendor, notes: [...facts.defects, ...words.notes], ...outcome };
  }

  #decide(present: readonly Truth[], pti: Truth, words: Words): Outcome {
    const fates = this.#components.map((one, index) => decideOne(one, present[index]!, words));
    this.#components.forEach(({ name, needs }, index) => {
      const user = fates[index]!;
      if (user.fate === "leaves") return;
      for (const needed of needs) {
        const at = this.#components.findIndex((one) => one.name === needed);
        const fate = fates[at];
        if (fate === undefined || fate.fate === "stays" || fate.fate === user.fate) continue;
        fates[at] = { fate: user.fate, reason: `needed-by-${name}` };
      }
    });
    const pages = this.#components.map(() => ({ min: 0, max: 0 }));
    const allOf = (owners: readonly number[]): Fate =>
      owners.some((owner) => fates[owner]!.fate === "stays")
        ? "stays"
        : owners.some((owner) => fates[owner]!.fate === "unknown")
          ? "unknown"
          : "leaves";
    const count = (at: number, min: number, max: number) => {
      const own = pages[at]!;
      own.min += min;
      own.max += max;
    };
    for (const { owners, pages: size } of this.#regions) {
      const fate = allOf(owners);
      if (fate !== "stays") count(Math.max(...owners), fate === "leaves" ? size : 0, size);
    }
    this.#components.forEach(({ isTable, leaving }, index) => {
      const pages = isTable ? (leaving.rodata ?? 0) / pageSize : 0;
      const { fate } = fates[index]!;
      if (fate !== "stays") count(index, fate === "leaves" ? pages : 0, pages);
    });
    this.#components.forEach(({ hasPadding }, index) => {
      const fate = fates[index]!;
      if (!hasPadding || fate.fate === "stays") return;
      const { beside, apart, unsplit } = this.#padding;
      // Pieces that lie beside the entry text stay where the user's page tables have it; old plans do not say which do.
      const min = fate.fate === "unknown" ? 0 : pti === "no" ? beside + apart + unsplit : apart;
      const max = pti === "yes" ? apart + unsplit : beside + apart + unsplit;
      count(index, min, max);
      if (beside + unsplit === 0) return;
      if (pti === "yes") fates[index] = { fate: max === 0 ? "stays" : fate.fate, reason: "pti" };
      if (pti === "unknown") fates[index] = { ...fate, reason: "pti-unknown" };
    });
    return {
      pages: {
        min: sum(pages.map(({ min }) => min)),
        max: sum(pages.map(({ max }) => max)),
      },
      components: this.#components.map((one, index) => ({
        component: one.name,
        present: present[index]!,
        outcome: fates[index]!.fate,
        reason: fates[index]!.reason,
        pages: pages[index]!,
      })),
      leftBehind: this.#leftByOwners
        .filter(({ owners }) => allOf(owners) === "leaves")
        .reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }
}

function decideOne(
  one: Pick<
    Plan["components"][number],
    "name" | "state" | "canAppear" | "hasPadding" | "isAutomatic" | "isFoundLate"
  > & { present: Present | undefined },
  present: Truth,
  words: Words,
): { fate: Fate; reason: string } {
  if (one.state === "refused") return { fate: "stays", reason: "refused" };
  if (words.isOff) return { fate: "stays", reason: "off" };
  if (words.keep.has(one.name)) return { fate: "stays", reason: "keep" };
  if (one.hasPadding && words.paddingStays) return { fate: "stays", reason: "off" };
  if (present === "yes") return { fate: "stays", reason: "present" };
  if (one.isAutomatic && words.automaticStays !== undefined)
    return { fate: "stays", reason: words.automaticStays };
  const isDropped = words.drop.has(one.name);
  if (one.isFoundLate && !isDropped) return { fate: "stays", reason: "found-late" };
  const appears =
    ["module", "always"].includes(one.canAppear) || (one.canAppear === "hotplug" && !words.noHotplug);
  if (appears && !isDropped)
    return {
      fate: "stays",
      reason: one.canAppear === "always" ? "by-default" : `can-appear-${one.canAppear}`,
    };
  if (one.isAutomatic && words.exitsAgain) return { fate: "stays", reason: "exit-again" };
  if (present === "unknown") return { fate: "unknown", reason: "unknown" };
  const reason = describeAbsence(one.present, present) ?? "not-present";
  return { fate: "leaves", reason: appears ? "drop" : reason };
}

interface Words {
  readonly key: string;
  readonly isOff: boolean;
  readonly paddingStays: boolean;
  /** Why no driver leaves by its exit function. */
  readonly automaticStays: string | undefined;
  /** Their initcalls run again after it, and they stay. */
  readonly exitsAgain: boolean;
  /** The machine gets no devices after boot. */
  readonly noHotplug: boolean;
  readonly keep: ReadonlySet<string>;
  readonly drop: ReadonlySet<string>;
  readonly pti: "on" | "off" | undefined;
  readonly notes: readonly string[];
}

const noWords: Words = {
  ...{
    key: "",
    isOff: false,
    paddingStays: false,
    automaticStays: undefined,
    exitsAgain: false,
    noHotplug: false,
    keep: new Set(),
    drop: new Set(),
    pti: undefined,
  },
  notes: [],
};

/** With these what is present may not be in use, or what is absent may be. */
const doubtful =
  /^(acpi=|amd_iommu=off|amd_iommu_intr=|intel_iommu=|iommu=|intremap=|swiotlb=|nopv$|xen_nopv|mem=|pci=no|rodata=|noapic$|nolapic$|nox2apic$)/;

function readWords(commandLine: readonly string[]): Words {
  if (commandLine.length === 0) return noWords;
  const values = (name: string) =>
    commandLine.filter((word) => word.startsWith(`${name}=`)).map((word) => word.slice(name.length + 1));
  const names = (name: string) => new Set(values(name).flatMap((value) => value.split(",")));
  const [scan = "on", exit = "on"] = [values("jettison.scan").at(-1), values("jettison.exit").at(-1)];
  const mitigations = values("mitigations").at(-1)?.split(",")[0];
  const isPtiOff = commandLine.includes("nopti") || values("pti").at(-1) === "off" || mitigations === "off";
  return {
    key: commandLine.join(" "),
    isOff: ["off", "audit"].includes(values("jettison").at(-1) ?? ""),
    paddingStays: values("jettison.padding").at(-1) === "off",
    // As the kernel does, a value that it does not know counts as off.
    automaticStays: scan !== "on" ? "scan-off" : ["on", "again"].includes(exit) ? undefined : "exit-off",
    exitsAgain: exit === "again",
    noHotplug: values("jettison.hotplug").at(-1) === "none",
    keep: names("jettison.keep"),
    drop: names("jettison.drop"),
    pti: isPtiOff ? "off" : values("pti").at(-1) === "on" ? "on" : undefined,
    notes: commandLine
      .filter((word) => doubtful.test(word))
      .map((word) => `The command line has ${word}: what is present may not be in use, or the reverse.`),
  };
}

/** pti_check_boottime_disable() in arch/x86/mm/pti.c */
function isPtiOn({ hypervisor, cpuBugs, cpuVendor }: Facts, { pti }: Words): Truth {
  if (hypervisor === "xen-pv" || pti === "off") return "no";
  if (pti === "on") return hypervisor === undefined ? "unknown" : "yes";
  if (cpuBugs !== undefined) {
    if (!cpuBugs.includes("cpu_meltdown")) return "no";
    return hypervisor === undefined ? "unknown" : "yes";
  }
  // cpu_vuln_whitelist in arch/x86/kernel/cpu/common.c: all of theirs are unaffected
  return cpuVendor === "AuthenticAMD" || cpuVendor === "HygonGenuine" ? "no" : "unknown";
}

const largePage = 2 ** 21;

/** Pages of padding inside the large mapping of the entry text, and outside; `unsplit` if the plan does not distinguish them. */
function splitPadding({ image }: Plan): { beside: number; apart: number; unsplit: number } {
  const split = { beside: 0, apart: 0, unsplit: 0 };
  if (image === undefined) return split;
  // _text is aligned to 2 MB (CONFIG_PHYSICAL_ALIGN), so that offsets are aligned as addresses are.
  const { entryText } = image;
  for (const { offset, bytes } of image.leavingPadding) {
    const pages = bytes / pageSize;
    if (entryText === undefined) split.unsplit += pages;
    else {
      // Compact text (X86_COMPACT_TEXT) has the head text in front of the entry text, and no 2 MB of its own.
      const isCompact = entryText.offset % largePage >= pageSize;
      const start = isCompact ? entryText.offset : Math.floor(entryText.offset / largePage) * largePage;
      const entryEnd = entryText.offset + entryText.bytes;
      const end = isCompact ? entryEnd : Math.ceil(entryEnd / largePage) * largePage;
      split[offset < end && offset + bytes > start ? "beside" : "apart"] += pages;
    }
  }
  return split;
}

/** Bytes that components own and that lie in no region, by owners. */
function sumLeft(plan: Plan): { owners: readonly string[]; bytes: number }[] {
  const sums = new Map<string, { owners: readonly string[]; bytes: number }>();
  for (const { owners, bytes, region } of plan.units) {
    if (region !== undefined) continue;
    const key = owners.join();
    const left = sums.get(key) ?? { owners, bytes: 0 };
    left.bytes += bytes;
    sums.set(key, left);
  }
  return [...sums.values()];
}
