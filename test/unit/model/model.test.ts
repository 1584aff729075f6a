// SPDX-License-Identifier: Apache-2.0
/** The model from which the HTML report is drawn: sums, fates, chains, areas. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { DemoMachine } from "../../../src/boots/demoJson.js";
import { decideFates, fates } from "../../../src/model/fates.js";
import { drawLedger, groupNames, type Tile } from "../../../src/model/ledger.js";
import { packReport, unpackReport } from "../../../src/model/packReport.js";
import { drawPages, pageUses } from "../../../src/model/pages.js";
import { createKeeper, findUnit, readUnits, type Units, unitKey } from "../../../src/model/units.js";
import type { Plan } from "../../../src/plan/plan.js";
import { readPlan } from "../../../src/plan/readPlan.js";
import { isClosed, layOut, openObject, sumChildren, sumFates } from "../../../src/report/page/flat.js";
import { projectRoot } from "../../../src/root.js";
import type { Answer } from "../../../src/why/explain.js";
import { useMiniKernel } from "../../support/miniature.js";

const kernel = useMiniKernel();
let plan: Plan;
let units: Units;
beforeAll(() => {
  plan = readPlan(kernel());
  units = readUnits(plan);
});

const machine = (state: "kept" | "jettisoned"): DemoMachine => ({
  machine: "some",
  components: [{ component: "gadget", state, reason: "not-in-use", pages: 2, bytes: 8192 }],
  pagesFreed: state === "kept" ? 0 : 2,
  memTotalOff: 0,
  memTotalOn: 0,
  selftest: { pages: 0, failures: 0 },
});

const leavesOf = (tile: Tile): Tile[] =>
  tile.children.length === 0 ? [tile] : tile.children.flatMap(leavesOf);

test("every group has the bytes of its parts, and the root those of the image", () => {
  const { root, hidden } = drawLedger(units);
  const check = (tile: Tile) => {
    if (tile.children.length === 0) return;
    expect(tile.children.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(tile.bytes);
    tile.children.forEach(check);
  };
  check(root);
  expect(root.bytes).toBe(plan.image!.bytes);
  // Each unit has a tile or is counted among what is hidden.
  const shown = leavesOf(root).filter(({ unit }) => unit !== undefined).length;
  expect(shown + hidden.reduce((sum, one) => sum + one.units, 0)).toBe(units.unitCount);
  const regions = plan.regions.reduce((sum, { pages }) => sum + pages * 4096, 0);
  const inRegions = leavesOf(root).filter(({ region }) => region !== undefined);
  expect(inRegions.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(regions);
});

test("a plan without a linked kernel is shown by its sections", () => {
  const { image: _, ...rest } = plan;
  const { root } = drawLedger(readUnits(rest));
  expect(root.bytes).toBe(plan.columns.bytes.reduce((sum, bytes) => sum + bytes, 0));
});

test("a section of which the link dropped something is shown whole", () => {
  const sections = plan.image!.sections.map((one) => (one.name === ".data" ? { ...one, bytes: 16 } : one));
  const { root, hidden } = drawLedger(readUnits({ ...plan, image: { ...plan.image!, sections } }));
  expect(root.bytes).toBe(plan.image!.bytes);
  expect(hidden.some(({ why }) => why.includes(".data"))).toBe(true);
  const made = root.children.find(({ name }) => name === groupNames.tables)!;
  expect(made.children.find(({ name }) => name === ".data")!.bytes).toBe(16);
});

test("memory that leaves with a component is freed where the component is, and stays where it stays", () => {
  const work = findUnit(units, "gadget_work")!;
  expect(decideFates(units, undefined).ofUnit(work)).toBe("freed");
  expect(decideFates(units, machine("jettisoned"))).toMatchObject({ pagesFreed: plan.regions[0]!.pages });
  expect(decideFates(units, machine("kept")).ofUnit(work)).toBe("kept");
  expect(decideFates(units, machine("kept")).pagesFreed).toBe(0);
  expect(decideFates(units, undefined).ofUnit(findUnit(units, "widget_work")!)).toBe("refused");
  expect(decideFates(units, undefined).ofUnit(findUnit(units, "deeper")!)).toBe("resident");
  expect(decideFates(units, undefined).ofUnit(findUnit(units, "drivers/gadget/gadget.o:(.init.text)")!)).toBe(
    "boot",
  );
});

test("the chains are those of jettison why", () => {
  const keeper = createKeeper(units);
  for (const name of ["deeper", "helper"]) {
    const { edges } = keeper.chainOf(findUnit(units, name)!);
    const { stdout } = spawnSync(
      join(projectRoot, "bin/jettison"),
      ["why", ".", name, "--components", "components.yaml", "--json"],
      { cwd: kernel(), encoding: "utf8" },
    );
    const answer = JSON.parse(stdout) as Answer;
    if (answer.kind !== "units") throw new Error("a unit is expected");
    expect(
      edges.map((edge) => [unitKey(units, units.edgeFrom[edge]!), unitKey(units, units.edgeTo[edge]!)]),
    ).toEqual(answer.answers[0]!.chain.map(({ from, to }) => [from, to]));
    expect(edges.length).toBeGreaterThan(0);
  }
});

test("areas are true to bytes, and the sums of fates add up", () => {
  const { root } = drawLedger(units);
  const map = layOut(root, 0.6);
  const all = decideFates(units, undefined);
  const closed = sumFates(map, all, plan.columns.bytes);
  for (let node = 0; node < map.tiles.length; node++) {
    if (!isClosed(map, node)) continue;
    openObject(map, node);
    sumChildren(closed, map, node, all);
  }
  expect(map.tiles.filter(({ unit }) => unit !== undefined).length).toBeGreaterThan(10);
  const { sums } = sumFates(map, all, plan.columns.bytes);
  // Opened later or counted at once: it comes to the same.
  expect(closed.sums).toEqual(sums);
  map.tiles.forEach((tile, node) => {
    const area = (map.x1[node]! - map.x0[node]!) * (map.y1[node]! - map.y0[node]!);
    expect(area / 0.6).toBeCloseTo(tile.bytes / root.bytes, 9);
    const ofNode = sums.subarray(node * fates.length, (node + 1) * fates.length);
    expect(ofNode.reduce((sum, bytes) => sum + bytes, 0)).toBe(tile.bytes);
  });
  expect(sums[fates.indexOf("freed")]).toBe(all.pagesFreed * 4096);
});

test("the page unpacks the data that was packed", () => {
  const { buffer } = packReport({ plan, machines: [machine("kept")] });
  const read = unpackReport<{ plan: Plan; machines: unknown }>(buffer);
  expect(read.machines).toEqual([machine("kept")]);
  const { section, ...columns } = read.plan.columns;
  const { section: names, ...wanted } = plan.columns;
  const plain = Object.entries(columns).map(([name, values]) => [name, Array.from(values as number[])]);
  expect(Object.fromEntries(plain)).toEqual(wanted);
  expect(names.map((_, unit) => section.at(unit))).toEqual(names);
  expect({ ...read.plan, columns: 0 }).toEqual({ ...plan, columns: 0 });
});

test("each page of the image is shown once, those of regions with their region", () => {
  const pages = drawPages(plan, plan.image!);
  expect(pages.count).toBe(Math.ceil(plan.image!.bytes / 4096));
  const ofRegion = pages.region.filter((region) => region >= 0).length;
  expect(ofRegion).toBe(plan.regions.reduce((sum, region) => sum + region.pages, 0));
  expect([...pages.use].map((use) => pageUses[use])).toContain("padding");
});
