// SPDX-License-Identifier: Apache-2.0
/** A report in Debian's Chromium, and what has to hold on every report. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import type { DemoMachine } from "../../src/boots/demoJson.js";
import { formatNumber } from "../../src/formatNumber.js";
import type { Plan } from "../../src/plan/plan.js";
import { browserOptions } from "./browserOptions.js";

export interface View {
  readonly width: number;
  readonly colorScheme?: "light" | "dark";
}

export const laptop: View = { width: 1280 };
export const phone: View = { width: 390 };

/** A browser for the tests of a file, with a profile of its own that goes with it. */
export function useBrowser(): (view: View) => Promise<Page> {
  let browser: Browser;
  let folder: string;
  const contexts: BrowserContext[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
    browser = await chromium.launch({ ...browserOptions, env: { ...process.env, HOME: folder } });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return async ({ width, colorScheme = "light" }) => {
    for (const context of contexts.splice(0)) await context.close();
    const height = width < 600 ? 844 : 900;
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme,
      reducedMotion: "reduce",
    });
    contexts.push(context);
    return context.newPage();
  };
}

/** Opens a report from disk; whatever it asks of a network or complains about fails the test. */
export async function openReport(page: Page, file: string, place = ""): Promise<void> {
  const address = pathToFileURL(file).href;
  const complaints: string[] = [];
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== address) complaints.push(request.url());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  onTestFinished(() => expect(complaints).toEqual([]));
  await page.goto(address + place);
  await page.waitForSelector("html[data-ready]", { state: "attached" });
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Faults that axe finds: rule and places. */
export async function findViolations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const { violations } = (await page.evaluate("axe.run()")) as AxeResults;
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
  );
}

export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).allInnerTexts()).join(" ").replaceAll("\u00a0", " ");
}

const numberIn = (text: string) => Number(text.replaceAll(/[^\d-]/g, ""));

/** The cells of a table, a row a list. */
export async function cellsOf(page: Page, selector: string): Promise<string[][]> {
  const rows = await page.locator(`${selector} tbody tr, ${selector} tfoot tr`).all();
  return Promise.all(rows.map(async (row) => row.locator("th, td").allInnerTexts()));
}

/** Figures on the page against the plan and the boots. */
export async function checkFigures(page: Page, plan: Plan, machines: readonly DemoMachine[]): Promise<void> {
  const sums = await cellsOf(page, "#sums");
  const parts = sums.slice(0, -1).map((cells) => numberIn(cells[1]!));
  expect(numberIn(sums.at(-1)![1]!)).toBe(plan.image!.bytes);
  expect(parts.reduce((sum, bytes) => sum + bytes, 0)).toBe(plan.image!.bytes);

  const components = await cellsOf(page, "#components");
  const total = (bytes: Readonly<Record<string, number>>) =>
    Object.values(bytes).reduce((sum, one) => sum + one, 0);
  plan.components.forEach(({ name, owned, leaving, gates }, index) => {
    const cells = components[index]!;
    expect(cells[0]).toContain(name);
    const { text = 0, rodata = 0, data = 0, bss = 0, padding = 0 } = owned;
    const stays = total(owned) - total(leaving);
    const figures = [text, rodata, data, bss, padding, total(leaving), stays, gates];
    expect(cells.slice(2, 10).map(numberIn)).toEqual(figures);
  });

  const results = new Map((await cellsOf(page, "#results")).map(([head, ...cells]) => [head!, cells]));
  for (const [index, machine] of machines.entries()) {
    for (const { component, pages, state } of machine.components) {
      const word = state === "jettisoned" ? "freed" : state;
      expect(results.get(component)?.[index]).toMatch(new RegExp(`^${pages} ${word}`));
    }
    expect(numberIn(results.get("Pages freed")![index]!)).toBe(machine.pagesFreed);
    await page.locator(`#machines input[value="${machine.machine}"]`).check();
    expect(await textOf(page, "#headline")).toContain(`${formatNumber(machine.pagesFreed)} page`);
    const freed = await page.locator("#regions .freed").count();
    const leaves = (owner: string) =>
      machine.components.some(({ component, state }) => component === owner && state === "jettisoned");
    expect(freed).toBe(plan.regions.filter(({ owners }) => owners.every(leaves)).length);
  }
}
