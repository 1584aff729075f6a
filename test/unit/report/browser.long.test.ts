// SPDX-License-Identifier: Apache-2.0
/** The HTML report of a small kernel in a real browser. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import type { DemoJson, DemoMachine } from "../../../src/boots/demoJson.js";
import type { Plan } from "../../../src/plan/plan.js";
import { readPlan } from "../../../src/plan/readPlan.js";
import { projectRoot } from "../../../src/root.js";
import { useMiniKernel } from "../../support/miniature.js";
import {
  cellsOf,
  checkFigures,
  findViolations,
  laptop,
  openReport,
  phone,
  textOf,
  useBrowser,
  type View,
} from "../../support/reportPage.js";

const kernel = useMiniKernel();
const newPage = useBrowser();
let plan: Plan;
let file: string;

const machine = (name: string, state: "kept" | "jettisoned", pages: number): DemoMachine => ({
  machine: name,
  components: [
    {
      component: "gadget",
      state,
      reason: state === "kept" ? "in-use" : "not-in-use",
      pages,
      bytes: pages * 4096,
    },
    { component: "widget", state: "refused", reason: "needs a gate", pages: 0, bytes: 0 },
  ],
  pagesFreed: state === "kept" ? 0 : pages,
  memTotalOff: 240_000 * 1024,
  memTotalOn: 240_000 * 1024 + (state === "kept" ? 0 : pages * 4096),
  selftest: { pages: state === "kept" ? 0 : pages, failures: 0 },
});
let machines: DemoMachine[];

beforeAll(() => {
  plan = readPlan(kernel());
  const pages = plan.regions.reduce((sum, region) => sum + region.pages, 0);
  machines = [machine("vtd", "kept", pages), machine("q35", "jettisoned", pages)];
  const demo: DemoJson = { version: 1, machines };
  writeFileSync(join(kernel(), "demo.json"), JSON.stringify(demo));
  const argv = ["report", ".", "demo.json", "-o", "out/report.html", "--title", "a <small> kernel"];
  const { status, stderr } = spawnSync(join(projectRoot, "bin/jettison"), argv, {
    cwd: kernel(),
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  file = join(kernel(), "out/report.html");
});

async function open(view: View, place?: string): Promise<Page> {
  const page = await newPage(view);
  await openReport(page, file, place);
  return page;
}

test("its figures are those of plan.json and of the boots", async () => {
  const page = await open(laptop);
  await checkFigures(page, plan, machines);
  expect(await textOf(page, "#build")).toBe("a <small> kernel");
});

test("picking a machine changes figures, regions, pages and address", async () => {
  const page = await open(laptop);
  const first = plan.image!.regions[0]!.offset / 4096;
  const pixel = () =>
    page.evaluate(`(() => {
      const canvas = document.getElementById("strip");
      const columns = canvas.width / 6;
      const [x, y] = [(${first} % columns) * 6 + 2, Math.floor(${first} / columns) * 6 + 2];
      return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data.slice(0, 3)];
    })()`);
  await page.getByRole("radio", { name: "no IOMMU (q35)" }).check();
  expect(await textOf(page, "#headline")).toContain(`${machines[1]!.pagesFreed} pages`);
  expect(await textOf(page, "#results thead .chosen")).toContain("q35");
  expect(new URL(page.url()).hash).toBe("#machine=q35");
  await expect.poll(pixel).toEqual([0, 0x9e, 0x73]);
  await page.getByRole("radio", { name: "Intel VT-d" }).check();
  expect(await textOf(page, "#headline")).toContain("0 pages");
  expect(await page.locator("#regions .freed").count()).toBe(0);
  await expect.poll(pixel).toEqual([0xe6, 0x9f, 0]);
});

test("search finds functions, objects and sections, and a result shows who owns it and what keeps it", async () => {
  const page = await open(laptop);
  await page.getByLabel("Function, object or section").fill("deep");
  await expect.poll(() => textOf(page, "#found-count")).toBe("2 found.");
  await page.locator("#found").getByText("deeper").click();
  await expect.poll(() => textOf(page, "#unit-title")).toBe("deeper");
  const unit = await textOf(page, "#unit");
  expect(unit).toContain("init/main.o");
  expect(unit).toContain("No component owns it.");
  expect(await page.locator("#unit .chain li").allInnerTexts()).toEqual([
    expect.stringContaining("main.o .ref.text"),
    expect.stringContaining("deep"),
    expect.stringContaining("deeper"),
  ]);
  await page.locator("#unit .chain").getByText("deep", { exact: true }).click();
  await expect.poll(() => textOf(page, "#unit-title")).toBe("deep");
  await page.goBack();
  await expect.poll(() => textOf(page, "#unit-title")).toBe("deeper");
  await page.getByLabel("Function, object or section").fill("nothing of that name");
  await expect.poll(() => textOf(page, "#found-count")).toBe("No name matches.");
});

test("a link leads to a unit on a machine, by its name or its place", async () => {
  const page = await open(laptop, "#unit=drivers/gadget/gadget.o:(.text.gadget_work)&machine=vtd");
  expect(await textOf(page, "#unit-title")).toBe("gadget_work");
  const unit = await textOf(page, "#unit");
  expect(unit).toContain("Kept here (Intel VT-d)");
  expect(unit).toContain("jettison_gate_gadget_work answers -ENODEV");
  expect(unit).toContain("components.yaml:5");
  await page.evaluate('location.hash = "#unit=helper&machine=q35"');
  await expect.poll(() => textOf(page, "#unit-title")).toBe("helper");
  expect(await textOf(page, "#unit")).toContain("How its component reaches it");
  expect(await textOf(page, "#headline")).toContain("2 pages");
  await page.evaluate('location.hash = "#unit=no_such_unit"');
  await expect.poll(() => textOf(page, "#unit")).toContain("no unit no_such_unit");
});

test("a tile of the map is a unit, and what is too small to draw is said", async () => {
  const page = await open(laptop);
  expect(await textOf(page, "#hidden")).toMatch(/tiles in view are drawn/);
  await page.locator("#map-components").click();
  await expect.poll(() => textOf(page, "#contents caption")).toBe("Contents of Components");
  await page.locator("#map").click();
  await expect.poll(() => textOf(page, "#unit-title")).toMatch(/gadget_work|widget_work/);
});

test("everything can be done with the keyboard", async () => {
  const page = await open(laptop);
  await page.locator('#machines input[value=""]').focus();
  await page.keyboard.press("ArrowRight");
  expect(new URL(page.url()).hash).toBe("#machine=vtd");
  await page.locator("#contents").getByRole("button", { name: "Kernel", exact: true }).focus();
  await page.keyboard.press("Enter");
  expect(await textOf(page, "#contents caption")).toBe("Contents of Kernel");
  await page.getByLabel("Function, object or section").focus();
  await page.keyboard.type("gadget_name");
  await page.keyboard.press("Enter");
  expect(await textOf(page, "#unit-title")).toBe("gadget_name");
});

describe.each([
  ["laptop", laptop],
  ["phone", phone],
] as const)("on a %s", (name, view) => {
  test.each(["light", "dark"] as const)(
    "in %s axe finds nothing, and nothing sticks out",
    async (colorScheme) => {
      const page = await open({ ...view, colorScheme }, "#unit=gadget_work&machine=q35");
      expect(await findViolations(page)).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(view.width);
      const folder = join(projectRoot, "out/screenshots");
      mkdirSync(folder, { recursive: true });
      const picture = await page.screenshot({
        path: join(folder, `${name}-${colorScheme}.png`),
        fullPage: true,
      });
      expect(picture.byteLength).toBeGreaterThan(20_000);
    },
  );
});

test("a fleet has a histogram with the figures of jettison predict, and a report without one has none", async () => {
  const lines = readFileSync(join(projectRoot, "test/support/linuxhw.json"), "utf8");
  const fleet = (JSON.parse(lines) as { machines: object[] }).machines;
  writeFileSync(join(kernel(), "fleet.jsonl"), fleet.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const run = (...args: string[]) =>
    spawnSync(join(projectRoot, "bin/jettison"), args, { cwd: kernel(), encoding: "utf8" });
  const report = run("report", ".", "--fleet", "fleet.jsonl", "-o", "out/fleet.html");
  expect([report.status, report.stderr]).toEqual([0, ""]);
  const { distribution } = JSON.parse(
    run("predict", ".", "fleet.jsonl", "--json").stdout.trimEnd().split("\n").at(-2)!,
  );
  expect(distribution.machines).toBe(fleet.length);
  for (const view of [laptop, { ...phone, colorScheme: "dark" } as const]) {
    const page = await newPage(view);
    await openReport(page, join(kernel(), "out/fleet.html"));
    const rows = await cellsOf(page, "#fleet-tables > :nth-child(2)");
    expect(rows.map(([pages, , machines]) => [Number(pages!.replace(",", "")), Number(machines)])).toEqual(
      distribution.histogram,
    );
    expect(await page.locator("#fleet .bar-chart rect").first().getAttribute("width")).toMatch(/^[\d.]+%$/);
    expect(await findViolations(page)).toEqual([]);
  }
  const without = await open(laptop);
  expect(await without.locator("#fleet").isVisible()).toBe(false);
  const text = run("report", ".", "--fleet", "fleet.jsonl").stdout;
  expect(text).toContain(`Pages that leave, on ${fleet.length} machines`);
  expect(JSON.parse(run("report", ".", "--fleet", "fleet.jsonl", "--json").stdout).fleet).toEqual(
    distribution,
  );
});
