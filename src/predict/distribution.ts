// SPDX-License-Identifier: Apache-2.0
/** The distribution of a fleet, counted while the fleet is read: numbers of machines by pages, so that memory does not grow with the fleet. */
import type { Prediction } from "./predict.js";

export interface Quartiles {
  readonly min: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly max: number;
}

/** Machines by pages. There are as many different counts as a plan has outcomes. */
class Counts {
  readonly #machines = new Map<number, number>();
  #total = 0;

  add(pages: number): void {
    this.#machines.set(pages, (this.#machines.get(pages) ?? 0) + 1);
    this.#total++;
  }

  finish(): { machines: number; quartiles: Quartiles; histogram: readonly (readonly [number, number])[] } {
    const sorted = [...this.#machines].sort(([a], [b]) => a - b);
    // The smallest count that at least this part of the machines does not exceed.
    const at = (part: number) => {
      let seen = 0;
      for (const [pages, machines] of sorted) {
        seen += machines;
        if (seen >= part * this.#total) return pages;
      }
      return sorted.at(-1)?.[0] ?? 0;
    };
    const quartiles = { min: at(0), q1: at(0.25), median: at(0.5), q3: at(0.75), max: at(1) };
    return { machines: this.#total, quartiles, histogram: sorted };
  }
}

/** A fleet with more kinds than this has its rest in one. */
const mostGroups = 500;
const rest = "(others)";
const notKnown = "(unknown)";

class Groups {
  readonly #groups = new Map<string, Counts>();

  add(name: string | undefined, pages: number): void {
    const key = name === undefined ? notKnown : name;
    let counts = this.#groups.get(key);
    if (counts === undefined) {
      const used = this.#groups.size < mostGroups ? key : rest;
      counts = this.#groups.get(used) ?? new Counts();
      this.#groups.set(used, counts);
    }
    counts.add(pages);
  }

  /** The largest first. */
  finish(): MachineGroup[] {
    return [...this.#groups]
      .map(([name, counts]) => ({ name, ...counts.finish() }))
      .map(({ name, machines, quartiles }) => ({ name, machines, pages: quartiles }))
      .sort((a, b) => b.machines - a.machines || (a.name < b.name ? -1 : 1));
  }
}

export interface MachineGroup {
  readonly name: string;
  readonly machines: number;
  readonly pages: Quartiles;
}

export interface Class {
  /** Components that surely leave on each machine of the class. */
  readonly leaves: readonly string[];
  readonly unknown: readonly string[];
  readonly machines: number;
  readonly pages: { readonly min: number; readonly max: number };
  /** Bytes of leaving components that an image for all machines keeps in memory on these. */
  readonly leftBehind: number;
}

export interface Distribution {
  readonly machines: number;
  /** Quartiles of the pages that surely come back. */
  readonly pages: Quartiles;
  /** Quartiles of the pages that come back at most. */
  readonly most: Quartiles;
  /** Numbers of machines by the pages that surely come back, ascending. */
  readonly histogram: readonly (readonly [number, number])[];
  readonly components: readonly {
    readonly component: string;
    readonly usedBy: number;
    readonly unknown: number;
    readonly leaves: number;
  }[];
  readonly byFormFactor: readonly MachineGroup[];
  readonly byVendor: readonly MachineGroup[];
  /** An image for each of these would have what its machines use and no more. The largest first. */
  readonly classes: readonly Class[];
  /** Further classes past the first thousand, in machines. */
  readonly machinesOutsideClasses: number;
  /** Machines with notes: broken firmware, kernel parameters. */
  readonly noted: number;
}

const mostClasses = 1000;

export class DistributionBuilder {
  readonly #least = new Counts();
  readonly #most = new Counts();
  readonly #formFactors = new Groups();
  readonly #vendors = new Groups();
  readonly #components = new Map<string, { usedBy: number; unknown: number; leaves: number }>();
  readonly #classes = new Map<Prediction["components"], { sample: Prediction; machines: number }>();
  #outside = 0;
  #noted = 0;

  add(prediction: Prediction): void {
    const { pages, components, formFactor, vendor, notes } = prediction;
    this.#least.add(pages.min);
    this.#most.add(pages.max);
    this.#formFactors.add(formFactor, pages.min);
    this.#vendors.add(vendor, pages.min);
    if (notes.length > 0) this.#noted++;
    for (const { component, present, outcome } of components) {
      const counts = this.#components.get(component) ?? { usedBy: 0, unknown: 0, leaves: 0 };
      this.#components.set(component, counts);
      if (present === "yes") counts.usedBy++;
      if (present === "unknown") counts.unknown++;
      if (outcome === "leaves") counts.leaves++;
    }
    // Machines of one outcome share its components.
    const one = this.#classes.get(components);
    if (one !== undefined) one.machines++;
    else if (this.#classes.size < mostClasses)
      this.#classes.set(components, { sample: prediction, machines: 1 });
    else this.#outside++;
  }

  finish(): Distribution {
    const { machines, quartiles, histogram } = this.#least.finish();
    return {
      machines,
      pages: quartiles,
      most: this.#most.finish().quartiles,
      histogram,
      components: [...this.#components].map(([component, counts]) => ({ component, ...counts })),
      byFormFactor: this.#formFactors.finish(),
      byVendor: this.#vendors.finish(),
      classes: mergeClasses([...this.#classes.values()]),
      machinesOutsideClasses: this.#outside,
      noted: this.#noted,
    };
  }
}

/** Outcomes that differ only in reasons are one class. */
function mergeClasses(outcomes: readonly { sample: Prediction; machines: number }[]): Class[] {
  const classes = new Map<string, Class>();
  for (const { sample, machines } of outcomes) {
    const named = (outcome: "leaves" | "unknown") =>
      sample.components.filter((one) => one.outcome === outcome).map(({ component }) => component);
    const [leaves, unknown] = [named("leaves"), named("unknown")];
    const { pages, leftBehind } = sample;
    const key = JSON.stringify([leaves, unknown, pages]);
    const before = classes.get(key)?.machines ?? 0;
    classes.set(key, { leaves, unknown, machines: before + machines, pages, leftBehind });
  }
  return [...classes.values()].sort((a, b) => b.machines - a.machines || b.pages.min - a.pages.min);
}

/** The line that ends `jettison predict --json`. */
export function summarise({ machines, pages, components }: Distribution) {
  return {
    summary: {
      machines,
      pages,
      components: components.map(({ component, usedBy, unknown }) => ({ component, usedBy, unknown })),
    },
  };
}
