// SPDX-License-Identifier: Apache-2.0
/** Looks at the site in a real browser: every page on a laptop and on a phone in dark colours, axe, links, search. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { preview } from "vite";

const root = new URL("../out/site", import.meta.url).pathname;
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const pages = readdirSync(root, { recursive: true }).filter((name) => name.endsWith(".html") && name !== "404.html");
const faults = [];

const server = await preview({
  root: new URL("../out", import.meta.url).pathname,
  build: { outDir: "site" },
  preview: { port: 4173 },
  configFile: false,
});
const address = server.resolvedUrls.local[0];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const views = [
  ["laptop, light", { width: 1280, height: 800 }, "light"],
  ["phone, dark", { width: 390, height: 844 }, "dark"],
];
const known = new Set();
for (const [view, viewport, colorScheme] of views) {
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  const complain = (name, what) => faults.push(`${name}, ${view}: ${what}`);
  let name = "";
  page.on("pageerror", (error) => complain(name, error.message));
  page.on("response", (response) => response.status() >= 400 && complain(name, `${response.status()} ${response.url()}`));
  for (name of pages) {
    await page.goto(address + name, { waitUntil: "load", timeout: 120_000 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) complain(name, `${wide} pixels too wide`);
    if (name === "report.html") continue;
    const isDark = await page.evaluate(() => document.documentElement.classList.contains("dark"));
    if (isDark !== (colorScheme === "dark")) complain(name, `is ${isDark ? "dark" : "light"}`);
    const links = await page.evaluate(() => [...document.links].map(({ href }) => href));
    for (const link of links.filter((one) => one.startsWith(address))) known.add(link);
    if (colorScheme === "dark") continue;
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate(() =>
      globalThis.axe.run(
        // The label of a language is the theme's own. Tables may have columns whose head says nothing.
        { include: ".vp-doc", exclude: ".lang" },
        { rules: { "empty-table-header": { enabled: false } } },
      ),
    );
    for (const { id, nodes } of violations) complain(name, `axe: ${id}: ${nodes[0].target} (${nodes.length})`);
  }
  await context.close();
}

for (const link of known) {
  const { pathname, hash } = new URL(link);
  const file = join(root, pathname.replace(/\/$/, "/index.html"));
  if (!existsSync(file)) faults.push(`${link}: no such file`);
  else if (hash.length > 1 && !readFileSync(file, "utf8").includes(` id="${decodeURIComponent(hash.slice(1))}"`))
    faults.push(`${link}: no such heading`);
}
const page = await browser.newPage();
await page.goto(address);
await page.click(".DocSearch-Button, .VPNavBarSearch button");
await page.fill(".search-input", "jettison_shut_gate", { timeout: 120_000 });
await page.waitForSelector(".results .result", { timeout: 120_000 });
const found = await page.locator(".results .result").first().getAttribute("href");
if (!/\/(docs|runtime)\//.test(found ?? "")) faults.push(`search finds ${found}`);

await browser.close();
await server.close();
for (const fault of faults) console.error(`site: ${fault}`);
console.log(`site: ${pages.length} pages in 2 views, ${known.size} links, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
