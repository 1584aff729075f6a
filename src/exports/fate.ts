// SPDX-License-Identifier: Apache-2.0
/** The fate of an export when its component leaves. */
export type Fate =
  /** Modules get the gate's address; while the component is gone it answers this. */
  | { readonly does: "gate"; readonly answer: string }
  /** While the component is gone, a module that uses it is not loaded; one loaded before gets this answer. */
  | { readonly does: "refuse"; readonly answer: string }
  /** It stays where it is, whatever becomes of its component. */
  | { readonly does: "keep"; readonly why: KeptBecause };

/** `exported`: the manifest keeps the component for the sake of its exports. */
export type KeptBecause = "exported" | "pinned" | "component-refused" | "too-small";

const keptTexts: Record<KeptBecause, string> = {
  exported: "stays with its component, which its exports keep",
  pinned: "stays: it is data that others refer to",
  "component-refused": "stays with its component, which is refused",
  "too-small": "stays: its component has too little of its kind",
};

/** The same in words. */
export function describeFate(fate: Fate): string {
  if (fate.does === "gate") return `gate, answers ${fate.answer}`;
  return fate.does === "refuse" ? "modules that use it are not loaded" : keptTexts[fate.why];
}
