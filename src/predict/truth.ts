// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a component is present on a machine, in three values: if the facts do not decide it, it is `unknown`, never
 * guessed. Kleene's logic: `any` is yes if one test is, and no only if all are.
 */

import type { Present } from "../3-component/component.js";
import type { Facts } from "../profile/facts.js";
import { sum } from "../sum.js";

export type Truth = "yes" | "no" | "unknown";

const truth = (value: boolean | undefined): Truth => (value === undefined ? "unknown" : value ? "yes" : "no");

/** A component whose manifest has no `present` may be present anywhere. */
export function evaluatePresent(present: Present | undefined, facts: Facts): Truth {
  if (present === undefined) return "unknown";
  switch (present.op) {
    case "never":
      return "no";
    case "not": {
      const inner = evaluatePresent(present.of, facts);
      return inner === "unknown" ? inner : inner === "yes" ? "no" : "yes";
    }
    case "any":
      return join(present.of, facts, "yes", "no");
    case "all":
      return join(present.of, facts, "no", "yes");
    case "acpiTable":
      if (facts.acpi === undefined) return "unknown";
      if (facts.acpi.signatures.has(present.signature)) return "yes";
      return facts.acpi.isComplete ? "no" : "unknown";
    case "cpu": {
      if (facts.cpuVendor === undefined) return "unknown";
      if (facts.cpuVendor !== present.vendor) return "no";
      if (present.families === undefined) return "yes";
      return truth(facts.cpuFamily === undefined ? undefined : present.families.includes(facts.cpuFamily));
    }
    case "hypervisor":
      return truth(facts.hypervisor === undefined ? undefined : facts.hypervisor === present.name);
    case "memoryAbove":
      if (facts.memorySpan !== undefined) return truth(facts.memorySpan > present.bytes);
      // More memory than fits below cannot all lie below; less may lie above all the same.
      return facts.memoryTotal !== undefined && facts.memoryTotal > present.bytes ? "yes" : "unknown";
    case "pciDevice":
      return truth(facts.pciDevices?.has(present.id));
    case "modalias":
      return evaluateModalias(present.patterns, facts.modaliases);
  }
}

interface Matcher {
  readonly whole: RegExp;
  /** For a PCI device of which only vendor and device are known: those patterns that ask no more, and all of them. */
  readonly surely: RegExp;
  readonly perhaps: RegExp;
}

/** One expression for the patterns of a plan's component, of which there are as many as a driver serves kinds of devices. */
const matchers = new WeakMap<readonly string[], Matcher>();

function matcherOf(patterns: readonly string[]): Matcher {
  const known = matchers.get(patterns);
  if (known !== undefined) return known;
  const anyOf = (some: readonly string[]) => new RegExp(`^(?:${some.map(globSource).join("|")})$`, "s");
  const head = (pattern: string) => pattern.replace(/(?<=^pci:v.*)sv.*$/, "");
  const asksNoMore = (pattern: string) => /^((sv|sd|bc|sc|i)?\*)*$/.test(pattern.slice(head(pattern).length));
  const matcher = {
    whole: anyOf(patterns),
    surely: anyOf(patterns.filter(asksNoMore).map(head)),
    perhaps: anyOf(patterns.map(head)),
  };
  matchers.set(patterns, matcher);
  return matcher;
}

/** `*`, `?` and `[0-9]` of fnmatch(3), by which modprobe compares. */
const globSource = (pattern: string) =>
  pattern.replace(
    /\[(!?)([^\]\\]+)\]|[\\^$.*+?()[\]{}|]/g,
    (sign, not: string | undefined, set: string | undefined) =>
      set !== undefined
        ? `[${not ? "^" : ""}${set.replace(/[\^[]/g, "\\$&")}]`
        : sign === "*"
          ? ".*"
          : sign === "?"
            ? "."
            : `\\${sign}`,
  );

const virtioTransport = /^(platform:virtio-mmio|acpi:LNRO0005:|of:.*Cvirtio,mmio)/;
/** An sos report has only this part of a PCI device's modalias, and no other buses. */
const isShort = (modalias: string) => /^pci:v[0-9A-F]{8}d[0-9A-F]{8}$/.test(modalias);

/**
 * PCI devices exist by themselves, those of any other bus appear once a driver has what they are plugged into. A pattern of virtio
 * comes with those of the PCI functions: it leaves only the other transport to be asked for.
 */
function evaluateModalias(patterns: readonly string[], modaliases: readonly string[] | undefined): Truth {
  if (modaliases === undefined) return "unknown";
  const { whole, surely, perhaps } = matcherOf(patterns);
  if (modaliases.some((one) => (isShort(one) ? surely : whole).test(one))) return "yes";
  if (modaliases.some((one) => isShort(one) && perhaps.test(one))) return "unknown";
  const has = (found: (modalias: string) => boolean) => modaliases.some(found);
  const hasNoVirtio =
    has((one) => one.startsWith("virtio:")) ||
    (has((one) => !one.startsWith("pci:")) && !has((one) => virtioTransport.test(one)));
  return patterns.every((one) => one.startsWith("pci:") || (one.startsWith("virtio:") && hasNoVirtio))
    ? "no"
    : "unknown";
}

/** `decisive` where one is, `neutral` where all are. */
function join(of: readonly Present[], facts: Facts, decisive: Truth, neutral: Truth): Truth {
  let result = neutral;
  for (const one of of) {
    const value = evaluatePresent(one, facts);
    if (value === decisive) return decisive;
    if (value === "unknown") result = "unknown";
  }
  return result;
}

/** The basis of the answer, if it is weaker than it may seem. */
export function describeAbsence(present: Present | undefined, value: Truth): string | undefined {
  if (value !== "no" || present === undefined) return undefined;
  return tablesOf(present) > 0 ? "no IOMMU described by firmware" : undefined;
}

function tablesOf(present: Present): number {
  switch (present.op) {
    case "acpiTable":
      return ["DMAR", "IVRS", "VIOT"].includes(present.signature) ? 1 : 0;
    case "any":
    case "all":
      return sum(present.of.map((one) => tablesOf(one)));
    default:
      return 0;
  }
}
