// SPDX-License-Identifier: Apache-2.0
/** The fate of each tile on a machine. */

import type { MachineResult } from "../boots/demoJson.js";
import { pageSize } from "../x86/x86.js";
import type { Tile } from "./ledger.js";
import type { ReportPlan } from "./packReport.js";
import { ownersOf, type Units, unitKey } from "./units.js";

/**
 * - `freed`: back to the machine. `kept`: it could leave, and does not here.
 * - `held`: only a component needs it, but it stays everywhere.
 * - `boot`: the kernel frees it on every machine.
 */
export const fates = [
  "freed",
  "kept",
  "held",
  "pinned",
  "refused",
  "gate",
  "resident",
  "padding",
  "boot",
] as const;
export type Fate = (typeof fates)[number];

export const fateTitles: Record<Fate, string> = {
  freed: "Freed",
  kept: "Kept here",
  held: "Component's, but stays",
  pinned: "Pinned",
  refused: "Refused",
  gate: "Gates",
  resident: "Kernel",
  padding: "Padding",
  boot: "Freed by the kernel anyway",
};

export interface Fates {
  ofUnit(unit: number): Fate;
  ofTile(tile: Tile): Fate;
  /** Whether the pages of a region of the plan come back. */
  isFreed(region: number): boolean;
  readonly pagesFreed: number;
}

/** `machine` undefined: a machine that needs none of the components. */
export function decideFates(units: Units, machine: MachineResult | undefined): Fates {
  const { plan } = units;
  const states = new Map(machine?.components.map(({ component, state }) => [component, state]));
  const leaves = (owner: string) => machine === undefined || states.get(owner) === "jettisoned";
  const freed = plan.regions.map(({ owners }) => owners.every(leaves));
  const ofOwned = decideOwned(units, plan);
  const { region } = plan.columns;
  const ofRegion = (index: number): Fate => (freed[index] ? "freed" : "kept");
  const ofUnit = (unit: number): Fate => {
    if (region[unit]! > 0) return ofRegion(region[unit]! - 1);
    if (units.isOwned(unit)) return ofOwned(unit);
    const role = units.roles[unit];
    return role === "init" || role === "patch" ? "boot" : "resident";
  };
  return {
    ofUnit,
    ofTile(tile) {
      if (tile.isInit) return "boot";
      if (tile.unit !== undefined) return ofUnit(tile.unit);
      if (tile.region !== undefined) return ofRegion(tile.region);
      if (tile.kind === "gate") return "gate";
      return tile.kind === "padding" || tile.kind === "gap" ? "padding" : "resident";
    },
    isFreed: (index) => freed[index]!,
    pagesFreed: plan.regions.reduce(
      (sum, { pages }, index) => sum + (freed[index] ? pages : 0),
      plan.components.some(({ name, hasPadding }) => hasPadding && leaves(name)) ? pagesOfPadding(plan) : 0,
    ),
  };
}

export const pagesOfPadding = ({ image }: ReportPlan) =>
  (image?.leavingPadding ?? []).reduce((sum, { bytes }) => sum + bytes / pageSize, 0);

function decideOwned(units: Units, plan: ReportPlan): (unit: number) => Fate {
  const refused = new Set(plan.refusals.map(({ component }) => component));
  const pinned = new Set(plan.pins.map(({ unit }) => unit));
  return (unit) => {
    if (pinned.size > 0 && pinned.has(unitKey(units, unit))) return "pinned";
    return ownersOf(units, unit).some((owner) => refused.has(owner)) ? "refused" : "held";
  };
}
