// SPDX-License-Identifier: Apache-2.0
/** What `out/gain.json` holds. Sizes are bytes. */
import type { Kind } from "../catalogue/sections.js";
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

/** What a rebuild takes out of the objects of the plain kernel. */
export interface Saving {
  /** The build without what the machine lacks. */
  readonly build: string;
  /** In objects that it no longer has and that hold code of components. */
  readonly components: ByKind;
  /** Of these very objects, as they are in Jettison's kernel: what does not leave. */
  readonly staying: ByKind;
  /** The objects of which most does not. */
  readonly largestStaying: readonly GainObject[];
  /** Everywhere else: what the same options switch off in other code. */
  readonly elsewhere: ByKind;
  /** Of the latter the objects that lose most, negative where one grows. */
  readonly largest: readonly GainObject[];
}

export interface GainMachine {
  readonly machine: string;
  readonly title: string;
  readonly memTotal: MemTotals;
  /** What `/proc/meminfo` says beside it under three of them; null where the guest did not say it. */
  readonly memory: Readonly<Record<"plain" | "off" | "on", MemoryUse | null>>;
  /** Pages that the kernel gave back with `jettison=on`, padding included. */
  readonly pagesFreed: number;
  /** Of the regions that left: their bytes, without the fill of their last page. */
  readonly givenBack: ByKind;
  readonly saving: Saving | null;
}

export interface GainImage {
  /** `plain`, `jettison`, or the name of a rebuild. */
  readonly build: string;
  /** From `_text` to `_end`, gaps between sections included. */
  readonly bytes: number;
  readonly memory: Readonly<Record<Memory, number>>;
  /** Of the text: runs of fill, a page long or longer. */
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
