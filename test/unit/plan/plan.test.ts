// SPDX-License-Identifier: Apache-2.0
/** The plan as reports read it: columns, the linked image, the published schema, files that are none. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Plan } from "../../../src/plan/plan.js";
import { readPlan } from "../../../src/plan/readPlan.js";
import { planJsonSchema } from "../../../src/plan/schema.js";
import { projectRoot } from "../../../src/root.js";
import { command } from "../../support/compile.js";
import { codesOf } from "../../support/diagnosed.js";
import { buildMiniKernel, useMiniKernel } from "../../support/miniature.js";

const kernel = useMiniKernel();

test("the plan that a link leaves says where everything lies", () => {
  const folder = kernel();
  const { image, regions, gates } = readPlan(folder);
  const symbols = new Map(
    command(folder, "nm", "vmlinux")
      .split("\n")
      .map((line) => [line.split(" ")[2] ?? "", BigInt(`0x${line.split(" ")[0] || "0"}`)]),
  );
  const start = symbols.get("_text")!;
  expect(image!.address).toBe(`0x${start.toString(16)}`);
  expect(BigInt(image!.bytes)).toBe(symbols.get("_end")! - start);
  expect(image!.regions.map(({ name, bytes }) => [name, bytes])).toEqual(
    regions.map(({ name, pages }) => [name, pages * 4096]),
  );
  for (const { name, offset } of image!.regions)
    expect(start + BigInt(offset)).toBe(symbols.get(`__jettison_region_${name}_start`));
  expect(image!.gates.map(({ symbol }) => symbol).sort()).toEqual(gates.map(({ symbol }) => symbol).sort());
  const memory = Object.fromEntries(image!.sections.map((section) => [section.name, section.memory]));
  expect(memory).toMatchObject({ ".text": "text", ".data": "data", ".init.text": "init", ".bss": "bss" });
  let end = 0;
  for (const { offset, bytes } of image!.sections) {
    expect(offset).toBeGreaterThanOrEqual(end);
    end = offset + bytes;
  }
  // The fill before `mark`, which the linker script makes.
  const mark = Number(symbols.get("mark")! - start);
  expect(image!.padding.map(({ offset, bytes }) => offset + bytes)).toContain(mark);
});

test("the columns hold every unit that has bytes, the owned ones in the order of the units", () => {
  const { columns, units, regions } = readPlan(kernel());
  const owned = columns.owners.flatMap((set, unit) => (set === 0 ? [] : [unit]));
  expect(owned.map((unit) => columns.section[unit])).toEqual(units.map(({ section }) => section));
  expect(owned.map((unit) => columns.bytes[unit])).toEqual(units.map(({ bytes }) => bytes));
  expect(owned.map((unit) => regions[columns.region[unit]! - 1]?.name)).toEqual(
    units.map(({ region }) => region),
  );
  expect(columns.section).toContain(".text.deep");
  // deep() calls deeper() once, whatever else it does.
  const from = columns.section.indexOf(".text.deep");
  const first = columns.referencesOf.slice(0, from).reduce((sum, count) => sum + count, 0);
  const targets = columns.to.slice(first, first + columns.referencesOf[from]!);
  expect(targets.filter((to) => columns.section[to] === ".text.deeper")).toHaveLength(1);
});

test("a refusal has its chain, from what the kernel needs anyway", () => {
  const [refusal] = readPlan(kernel()).refusals;
  expect(refusal).toMatchObject({ component: "widget", reason: "unanswered" });
  expect(refusal!.chain.map(({ from }) => from)).toEqual([
    "init/main.o:(.ref.text)",
    "init/main.o:(.text.deep)",
  ]);
  expect(refusal!.chain.at(-1)!.to).toBe("drivers/widget.o:(.text.widget_work)");
});

test("the schema in docs/ is the one that plans are read with (scripts/docs writes it)", () => {
  const published = JSON.parse(readFileSync(join(projectRoot, "docs/plan.schema.json"), "utf8"));
  expect(published).toEqual(JSON.parse(JSON.stringify(planJsonSchema())));
});

test("a file that is no plan is refused by name, with the reason", () => {
  const folder = buildMiniKernel();
  const file = join(folder, "plan.json");
  const good = JSON.parse(readFileSync(file, "utf8")) as Plan;
  const tell = (text: string) => {
    writeFileSync(file, text);
    return codesOf(() => readPlan(file));
  };
  const { columns } = good;
  expect(codesOf(() => readPlan(join(folder, "none.json")))).toEqual(["file-unreadable"]);
  expect(tell('{"version": 1')).toEqual(["plan-invalid"]);
  expect(tell("[]")).toEqual(["plan-invalid"]);
  expect(tell(JSON.stringify({ ...good, version: 99 }))).toEqual(["plan-invalid"]);
  expect(tell(JSON.stringify({ ...good, regions: [{}] }))).toEqual(["plan-invalid"]);
  expect(
    tell(JSON.stringify({ ...good, columns: { ...columns, to: [...columns.to.slice(1), 1e6] } })),
  ).toEqual(["plan-invalid"]);
  expect(tell(JSON.stringify({ ...good, columns: { ...columns, bytes: columns.bytes.slice(1) } }))).toEqual([
    "plan-invalid",
  ]);
  expect(tell(JSON.stringify(good))).toEqual([]);
});
