// SPDX-License-Identifier: Apache-2.0
/**
 * The report of a kernel of 200,000 units in Debian's Chromium: how long from opening the file to a page that can be
 * used (two seconds are allowed), and how long a frame takes while the map is dragged. Prints the best of some turns.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Page } from "playwright-core";
import { afterAll, bench, describe } from "vitest";
import { readPlan } from "../src/plan/readPlan.js";
import { renderHtml } from "../src/report/html.js";
import { browserOptions } from "../test/support/browserOptions.js";
import { makeLargePlan } from "./largePlan.js";

const unitCount = 200_000;

const folder = mkdtempSync(join(tmpdir(), "jettison-bench-"));
const [planFile, reportFile] = [join(folder, "plan.json"), join(folder, "report.html")];
writeFileSync(planFile, JSON.stringify(makeLargePlan(unitCount)));
const timed = <T>(work: () => T): [T, number] => {
  const start = performance.now();
  const result = work();
  return [result, performance.now() - start];
};
const [plan, reading] = timed(() => readPlan(planFile));
const [html, rendering] = timed(() => renderHtml({ plan, machines: [] }));
writeFileSync(reportFile, html);

const browser = await chromium.launch({ ...browserOptions, env: { ...process.env, HOME: folder } });
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

const opening: number[] = [];
const frames: number[] = [];

describe(`the report of ${unitCount} units`, () => {
  bench(
    "open it, drag its map",
    async () => {
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
      const start = performance.now();
      await page.goto(pathToFileURL(reportFile).href);
      await page.waitForSelector("html[data-ready]", { state: "attached" });
      opening.push(performance.now() - start);
      frames.push(await measureFrames(page));
      await page.close();
    },
    { iterations: 4, time: 0, warmupIterations: 1, warmupTime: 0 },
  );
});

const frameCount = 60;

/** Milliseconds of a frame, the mean of those in which a zoomed map is dragged. */
async function measureFrames(page: Page): Promise<number> {
  await page.locator("#map").scrollIntoViewIfNeeded();
  await page.locator("#map-in").click();
  await page.waitForTimeout(400);
  const box = (await page.locator("#map").boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  const mean = (await page.evaluate(`new Promise((done) => {
    let last = performance.now();
    const start = last;
    let count = 0;
    const step = (now) => {
      const [x, y] = [${box.x + box.width / 2} - count * 3, ${box.y + box.height / 2} - count * 2];
      window.dispatchEvent(new MouseEvent("mousemove", { clientX: x, clientY: y, view: window }));
      if (count++ < ${frameCount}) requestAnimationFrame(step);
      else done((now - start) / ${frameCount});
    };
    requestAnimationFrame(step);
  })`)) as number;
  await page.mouse.up();
  return mean;
}

afterAll(() => {
  const print = (name: string, milliseconds: number) =>
    console.log(`${name.padEnd(22)} ${milliseconds.toFixed(0).padStart(6)} ms`);
  print("read plan.json", reading);
  print("write report.html", rendering);
  print("open report.html", Math.min(...opening));
  print("a frame while dragging", Math.min(...frames));
  console.log(
    `plan.json ${(statSync(planFile).size / 2 ** 20).toFixed(1)} MiB, report.html ${(statSync(reportFile).size / 2 ** 20).toFixed(1)} MiB`,
  );
});
