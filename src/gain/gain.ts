// SPDX-License-Identifier: Apache-2.0
/** The contents of `out/gain.json`. Sizes are bytes. */
import type { Kind } from "../elf/kind.js";
import type { MemoryUse } from "../machine/console.js";
import type { Memory } from "../plan/image.js";

export const gainVersion = 2;

export type ByKind = Readonly<Record<Kind, number>>;

/** MemTotal of a machine under each kernel; null where the kernel was not asked for. */
export interface MemTotals {
  readonly plain: number;
  readonly off: number;
  readonly on: number;
  readonly rebuild: number | null;
}

export interface GainObject {
  readonly object: string;
  readonly bytes: number;
}

/** Bytes that a rebuild saves in the objects of the plain kernel. */
export interface Saving {
  /** The build without what the machine lacks. */
  readonly build: string;
  /** In objects that it no longer has and that hold code of components. */
  readonly components: ByKind;
  /** Bytes of the same objects in Jettison's kernel that do not leave. */
  readonly staying: ByKind;
  /** The objects of which most does not. */
  readonly largestStaying: readonly GainObject[];
  /** Everywhere else: what the same options switch off in other code. */
  readonly elsewhere: ByKind;
  /** The objects among the latter that lose most; negative if one grows. */
  readonly largest: readonly GainObject[];
}

export interface GainMachine {
  readonly machine: string;
  readonly title: string;
  readonly memTotal: MemTotals;
  /** Other values of `/proc/meminfo` under three of them; null if the guest did not report them. */
  readonly memory: Readonly<Record<"plain" | "off" | "on", MemoryUse | null>>;
  /** Pages that the kernel gave back with `jettison=on`, padding included. */
  readonly pagesFreed: number;
  /** Bytes of the regions that left, without the fill of their last page. */
  readonly givenBack: ByKind;
  readonly saving: Saving | null;
}

export interface GainImage {
  /** `plain`, `jettison`, or the name of a rebuild. */
  readonly build: string;
  /** From `_text` to `_end`, gaps between sections included. */
  readonly bytes: number;
  readonly memory: Readonly<Record<Memory, number>>;
  /** Runs of fill in the text, a page long or longer. */
  readonly padding: number;
}

export interface Gain {
  readonly version: typeof gainVersion;
  /** `6.12.117`. */
  readonly kernel: string;
  readonly compiler: string;
  readonly images: readonly GainImage[];
  readonly machines: readonly GainMachine[];
}
