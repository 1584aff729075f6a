// SPDX-License-Identifier: Apache-2.0
/** A component as its manifest describes it: plain values, which do not depend on the build. */
import type { Versions } from "./versions.js";

/** The kernel's sets of components have room for so many (`JETTISON_MAX_COMPONENTS` in kernel/jettison/jettison.h). */
export const mostComponents = 1024;

export interface Component {
  readonly name: string;
  readonly title: string;
  /** It ships with Jettison, for all configurations: parts that a build lacks are reported, and are not mistakes. */
  readonly isShipped?: true;
  /** Where it is described. Lines count from 1. */
  readonly file: string;
  readonly line: number;
  /** Versions of Linux that contain it, for people. */
  readonly kernels?: string;
  /** Components that are looked for before this one. */
  readonly after: readonly Mention[];
  /** Components that it cannot do without: as long as it stays, they do. They are looked for after it. */
  readonly needs: readonly Mention[];
  /** The options that build code of it, without `CONFIG_`: a hint before anything is built. */
  readonly config?: readonly string[];
  readonly code: readonly CodeRule[];
  /** Patterns of functions and objects that stay though a rule matches them. None has to match anything. */
  readonly resident: readonly string[];
  /** The line of the rule by which it has the padding of the kernel's image, and then nothing else. */
  readonly padding?: number;
  /** A table of the kernel that it has, and then nothing else: the linker script gives it pages of its own. */
  readonly table?: Table;
  readonly inUse: InUse;
  readonly present?: Present;
  readonly canAppear: CanAppear;
  /** Init code that keeps addresses of it only where it is in use. */
  readonly registers?: readonly Registration[];
  /** The component's own, then those its file gives to all of its components. */
  readonly gates: readonly Gate[];
  /** The treatment of its exported functions. Absent: `gate`. */
  readonly exports?: ExportRule;
  /** It is a built-in module, and no manifest describes it. */
  readonly automatic?: Automatic;
}

/** Tables for which the kernel's linker script has a place, in its order. */
export const tableNames = ["kallsyms", "orc"] as const;

export interface Table {
  readonly name: string;
  /** Paths of the objects whose functions alone may refer to it: they ask whether it is still there. */
  readonly readers: readonly string[];
  readonly line: number;
}

/** How a built-in module leaves: its exit function undoes what its initcall registered. */
export interface Automatic {
  /** Functions, by their symbols in the numbering of the graph. */
  readonly init: number;
  readonly exit: number;
  /** Numbers of its objects. Init code of theirs keeps addresses of them until the exit function has run. */
  readonly objects: ReadonlySet<number>;
  /** Its devices are found in the background, after the initcalls. */
  readonly isLate: boolean;
}

/** Another component, by its name. */
export interface Mention {
  readonly name: string;
  readonly line: number;
  readonly column: number;
}

export interface CodeRule {
  /** Objects by path from the build's root, sections and symbols by name; or what only init code calls. */
  readonly kind: "objects" | "sections" | "symbols" | "onlyCalledBy";
  readonly patterns: readonly string[];
  /** Exceptions of the patterns. None of them has to match anything. */
  readonly except?: readonly string[];
  /** The patterns may match nothing: other versions or configurations have what they name. */
  readonly isOptional?: true;
  readonly versions?: Versions;
  readonly line: number;
}

/** Asked at boot, when all initcalls have run. */
export type InUse = InUseTest | InUseJoin;

export type InUseTest = {
  readonly line: number;
  readonly ifBuilt?: string;
  readonly versions?: Versions;
} & (
  | { readonly op: "nonZero" | "pointerSet" | "listNotEmpty" | "calls"; readonly symbol: string }
  | { readonly op: "equals"; readonly symbol: string; readonly value: number | { readonly symbol: string } }
);

export type InUseJoin = { readonly line: number } & (
  | { readonly op: "never" }
  | { readonly op: "any" | "all"; readonly of: readonly InUse[] }
  | { readonly op: "not"; readonly of: InUse }
);

/** Asked of a machine's description, without booting it. */
export type Present =
  | { readonly op: "acpiTable"; readonly signature: string }
  | { readonly op: "cpu"; readonly vendor: string; readonly families?: readonly number[] }
  | { readonly op: "hypervisor"; readonly name: string }
  /** Memory with a physical address past this many bytes. */
  | { readonly op: "memoryAbove"; readonly bytes: number }
  | { readonly op: "pciDevice"; readonly id: string }
  /** A device with a modalias that one of these matches, by the signs of fnmatch(3). */
  | { readonly op: "modalias"; readonly patterns: readonly string[] }
  | { readonly op: "never" }
  | { readonly op: "any" | "all"; readonly of: readonly Present[] }
  | { readonly op: "not"; readonly of: Present };

/**
 * How a component that was not in use at boot can come into use later, in the order of the kernel's numbers. `always`: it is
 * of use on every machine, and leaves only where it is named.
 */
export const appearances = ["never", "hotplug", "module", "always"] as const;
export type CanAppear = (typeof appearances)[number];

/** The claim, with its reason, that these functions and tables of init code leave no address behind unless it is in use. */
export interface Registration {
  /** Names as the source has them. */
  readonly by: readonly string[];
  /** The object that they lie in; absent: the only one that has them. */
  readonly object?: string;
  /** Functions and objects of the component that they keep on other machines too. */
  readonly except: readonly string[];
  /** Another configuration has what is named. */
  readonly isOptional?: true;
  readonly versions?: Versions;
  readonly why: string;
  readonly line: number;
}

export type ExportRule = "gate" | "refuse" | "keep";

export interface Gate {
  /** A function's name, or a pattern of names. */
  readonly pattern: string;
  readonly literal: boolean;
  readonly answer: GateAnswer;
  /** The function is called on machines without the component too, and the answer is its own result there: nothing is logged. */
  readonly isExpected?: true;
  readonly versions?: Versions;
  readonly file: string;
  readonly line: number;
}

/** The return value of a shut gate; `text` is its form in the manifest. */
export type GateAnswer =
  | { readonly kind: "void"; readonly text: string }
  | { readonly kind: "value"; readonly value: number; readonly text: string }
  /** The call goes to this function instead, with the arguments that it came with. */
  | { readonly kind: "function"; readonly function: string; readonly text: string };

/** With some of the tests of symbols false. */
export function falsifyTests(test: InUse, isFalse: (test: InUseTest) => boolean): InUse {
  switch (test.op) {
    case "any":
    case "all":
      return { ...test, of: test.of.map((one) => falsifyTests(one, isFalse)) };
    case "not":
      return { ...test, of: falsifyTests(test.of, isFalse) };
    case "never":
      return test;
    default:
      return isFalse(test) ? { op: "never", line: test.line } : test;
  }
}

/** A test whose object the build lacks is false: the driver that would have set its symbol is not there. */
export const restrictToBuild = (test: InUse, isBuilt: (object: string) => boolean): InUse =>
  falsifyTests(test, ({ ifBuilt }) => ifBuilt !== undefined && !isBuilt(ifBuilt));
