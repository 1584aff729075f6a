// SPDX-License-Identifier: Apache-2.0
/** Changes between two plans: component sizes, units and their owners, gates, pins and refusals. */

import type { Kind } from "../elf/kind.js";
import type { Plan } from "../plan/plan.js";
import { sum, sumValues } from "../sum.js";

export interface Change {
  readonly before: number;
  readonly after: number;
}

export interface ComponentChange {
  readonly component: string;
  /** `absent` where a plan does not know it. */
  readonly stateBefore: ComponentState;
  readonly stateAfter: ComponentState;
  /** Bytes it owns, alone or with others; of these what leaves, and what stays. */
  readonly owned: Change;
  readonly leaves: Change;
  readonly stays: Change;
  readonly text: Change;
  readonly rodata: Change;
  readonly data: Change;
  readonly bss: Change;
  readonly gates: Change;
}

export type ComponentState = Plan["components"][number]["state"] | "absent";

export interface UnitChange {
  readonly unit: string;
  readonly kind: Kind;
  readonly owners: readonly string[];
  readonly bytes: Change;
}

export interface PlanDiff {
  readonly version: 1;
  /** Bytes of all units by kind; `image`: of the linked kernel, 0 where a plan has none. */
  readonly totals: Record<Kind | "image", Change>;
  readonly pages: Change;
  readonly gates: Change;
  readonly pins: Change;
  readonly refusals: Change;
  readonly components: readonly ComponentChange[];
  readonly moved: readonly {
    readonly unit: string;
    readonly bytes: number;
    readonly from: readonly string[];
    readonly to: readonly string[];
  }[];
  /** Units that grew, shrank, came or went; what changed most first. */
  readonly units: readonly UnitChange[];
  readonly newGates: readonly Plan["gates"][number][];
  readonly goneGates: readonly string[];
  readonly newPins: readonly Plan["pins"][number][];
  readonly gonePins: readonly string[];
  readonly newRefusals: readonly Plan["refusals"][number][];
  readonly goneRefusals: readonly string[];
}

export function comparePlans(before: Plan, after: Plan): PlanDiff {
  const change = (measure: (plan: Plan) => number): Change => ({
    before: measure(before),
    after: measure(after),
  });
  const names = [...new Set([...before.components, ...after.components].map(({ name }) => name))];
  const gates = compareLists(before.gates, after.gates, (gate) => `${gate.object}:${gate.function}`);
  const pins = compareLists(before.pins, after.pins, ({ unit }) => unit);
  const refusals = compareLists(before.refusals, after.refusals, ({ component }) => component);
  return {
    version: 1,
    totals: {
      image: change(({ image }) => image?.bytes ?? 0),
      text: change(({ totals }) => totals.bytes.text),
      rodata: change(({ totals }) => totals.bytes.rodata),
      data: change(({ totals }) => totals.bytes.data),
      bss: change(({ totals }) => totals.bytes.bss),
    },
    pages: change(({ regions }) => sum(regions.map(({ pages }) => pages))),
    gates: change((plan) => plan.gates.length),
    pins: change((plan) => plan.pins.length),
    refusals: change((plan) => plan.refusals.length),
    components: names.map((name) => compareComponent(name, change)),
    ...compareUnits(before, after),
    ...{ newGates: gates.come, goneGates: gates.gone.map((gate) => gate.function) },
    ...{ newPins: pins.come, gonePins: pins.gone.map(({ unit }) => unit) },
    ...{ newRefusals: refusals.come, goneRefusals: refusals.gone.map(({ component }) => component) },
  };
}

function compareComponent(
  component: string,
  change: (measure: (plan: Plan) => number) => Change,
): ComponentChange {
  const find = (plan: Plan) => plan.components.find(({ name }) => name === component);
  const states: ComponentState[] = [];
  change((plan) => states.push(find(plan)?.state ?? "absent"));
  const owned = change((plan) => sumValues(find(plan)?.owned ?? {}));
  const leaves = change((plan) => sumValues(find(plan)?.leaving ?? {}));
  const ofKind = (kind: Kind) => change((plan) => find(plan)?.owned[kind] ?? 0);
  return {
    component,
    stateBefore: states[0]!,
    stateAfter: states[1]!,
    owned,
    leaves,
    stays: { before: owned.before - leaves.before, after: owned.after - leaves.after },
    text: ofKind("text"),
    rodata: ofKind("rodata"),
    data: ofKind("data"),
    bss: ofKind("bss"),
    gates: change((plan) => find(plan)?.gates ?? 0),
  };
}

function compareLists<T>(before: readonly T[], after: readonly T[], key: (one: T) => string) {
  const had = new Set(before.map(key));
  const has = new Set(after.map(key));
  return {
    come: after.filter((one) => !had.has(key(one))),
    gone: before.filter((one) => !has.has(key(one))),
  };
}

interface Row {
  readonly kind: Kind;
  readonly bytes: number;
  readonly owners: readonly string[];
}

/** Units by object and section; a second section of a name in one object gets a number. */
function indexUnits({ columns }: Plan): Map<string, Row> {
  const rows = new Map<string, Row>();
  let unit = 0;
  columns.objects.forEach((object, index) => {
    for (let rest = columns.unitsOf[index]!; rest > 0; rest--, unit++) {
      const name = `${object}:(${columns.section[unit]})`;
      let key = name;
      for (let again = 2; rows.has(key); again++) key = `${name} ${again}`;
      rows.set(key, {
        kind: columns.kinds[columns.kind[unit]!]!,
        bytes: columns.bytes[unit]!,
        owners: columns.ownerSets[columns.owners[unit]!]!,
      });
    }
  });
  return rows;
}

function compareUnits(before: Plan, after: Plan): Pick<PlanDiff, "moved" | "units"> {
  const [had, has] = [indexUnits(before), indexUnits(after)];
  const moved: PlanDiff["moved"][number][] = [];
  const units: UnitChange[] = [];
  for (const [unit, row] of has) {
    const old = had.get(unit);
    if (old !== undefined && old.owners.join() !== row.owners.join())
      moved.push({ unit, bytes: row.bytes, from: old.owners, to: row.owners });
    if (old?.bytes !== row.bytes)
      units.push({
        unit,
        kind: row.kind,
        owners: row.owners,
        bytes: { before: old?.bytes ?? 0, after: row.bytes },
      });
  }
  for (const [unit, { kind, owners, bytes }] of had)
    if (!has.has(unit)) units.push({ unit, kind, owners, bytes: { before: bytes, after: 0 } });
  const weight = ({ bytes }: UnitChange) => Math.abs(bytes.after - bytes.before);
  units.sort((a, b) => weight(b) - weight(a) || (a.unit < b.unit ? -1 : 1));
  return { moved: moved.sort((a, b) => b.bytes - a.bytes || (a.unit < b.unit ? -1 : 1)), units };
}

/** Whether nothing differs. */
export const isSame = ({ units, moved, newGates, goneGates, pins, refusals, components }: PlanDiff) =>
  units.length + moved.length + newGates.length + goneGates.length === 0 &&
  pins.before === pins.after &&
  refusals.before === refusals.after &&
  components.every(({ stateBefore, stateAfter }) => stateBefore === stateAfter);
