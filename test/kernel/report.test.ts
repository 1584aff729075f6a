// SPDX-License-Identifier: Apache-2.0
/** The demo's own report in a browser, and what jettison why says of the demo's kernel. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DemoJson } from "../../src/boots/demoJson.js";
import { identifyCompiler } from "../../src/kernel/compiler.js";
import type { Plan } from "../../src/plan/plan.js";
import { readPlan } from "../../src/plan/readPlan.js";
import { demoCommand, writeDemoPages } from "../../src/report/demoPages.js";
import { replaceGenerated } from "../../src/report/generatedPart.js";
import { projectRoot } from "../../src/root.js";
import type { Answer } from "../../src/why/explain.js";
import {
  cellsOf,
  checkFigures,
  findViolations,
  laptop,
  openReport,
  phone,
  textOf,
  useBrowser,
} from "../support/reportPage.js";

const out = mkdtempSync(join(tmpdir(), "jettison-test-"));
const newPage = useBrowser();
let demo: DemoJson;
let build: string;
let plan: Plan;
beforeAll(() => {
  const jettison = join(projectRoot, "bin/jettison");
  const { status, stdout, stderr } = spawnSync(jettison, ["demo", "--out", out], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  demo = JSON.parse(readFileSync(join(out, "demo.json"), "utf8")) as DemoJson;
  build = dirname(/^kernel +(.*)$/m.exec(stdout)![1]!);
  plan = readPlan(build);
});
afterAll(() => rmSync(out, { recursive: true, force: true }));
test("README and docs/answers.md show these figures, where they are of this kernel and these tools", async () => {
  const release = readFileSync(join(build, "include/config/kernel.release"), "utf8").trim();
  const measuredWith = `Linux ${release}, ${(await identifyCompiler()).replace("\n", ", ")}`;
  const pages = Object.entries(writeDemoPages({ plan, machines: demo.machines, measuredWith }));
  expect(pages.length).toBe(2);
  for (const [page, part] of pages) {
    const file = join(projectRoot, page);
    const text = readFileSync(file, "utf8");
    // Debian's next kernel, or another compiler, has figures of its own.
    if (text.includes(measuredWith)) expect(text, page).toBe(replaceGenerated(file, demoCommand, part));
  }
});

const report = () => join(out, "report.html");

test("its figures are those of plan.json and demo.json, and they add up to the image", async () => {
  const page = await newPage(laptop);
  await openReport(page, report());
  await checkFigures(page, plan, demo.machines);
  expect(await textOf(page, "#hidden")).toMatch(/are too small at this size/);
  const more = page.locator("#exports button.more");
  while ((await more.count()) > 0) await more.click();
  const exported = await cellsOf(page, "#exports");
  expect(exported.map(([symbol]) => symbol)).toEqual(plan.exports.map(({ symbol }) => symbol));
  const forKvm = exported.find(([symbol]) => symbol === "amd_iommu_update_ga");
  expect(forKvm?.slice(1, 4)).toEqual(["amd-vi", "-", "gate, answers -ENODEV"]);
});

test("a machine, a search and a link lead to VT-d's entry, and axe finds nothing", async () => {
  const page = await newPage(laptop);
  await openReport(page, report(), "#unit=dmar_device_add&machine=vtd");
  expect(await textOf(page, "#unit")).toContain("Kept here");
  expect(await textOf(page, "#unit")).toContain("acpi_pci_root_add");
  await page.locator('#machines input[value="q35"]').check();
  expect(await textOf(page, "#unit")).toContain("Freed");
  await page.getByLabel("Function, object or section").fill("copy_process");
  await page.locator("#found").getByText("copy_process", { exact: true }).click();
  await expect.poll(() => page.locator("#unit .chain li").count()).toBeGreaterThan(1);
  expect(await findViolations(page)).toEqual([]);
});

test("on a phone nothing sticks out", async () => {
  const page = await newPage({ ...phone, colorScheme: "dark" });
  await openReport(page, report());
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(phone.width);
  expect(await findViolations(page)).toEqual([]);
});

test("why: a function of the core has a chain from a root, one of VT-d a gate", () => {
  const why = (name: string) => {
    const { stdout } = spawnSync(join(projectRoot, "bin/jettison"), ["why", build, name, "--json"], {
      encoding: "utf8",
    });
    const answer = JSON.parse(stdout) as Answer;
    if (answer.kind !== "units") throw new Error("a unit is expected");
    return answer.answers[0]!;
  };
  const kept = why("copy_process");
  expect(kept.verdict).toBe("stays");
  expect(kept.chain.length).toBeGreaterThan(0);
  expect(kept.chain.at(-1)!.to).toBe("kernel/fork.o:(.text.copy_process)");
  const leaving = why("dmar_device_add");
  expect(leaving).toMatchObject({ verdict: "leaves", owners: ["intel-vtd"] });
  expect(leaving.gates[0]!.crossings.map(({ from }) => from)).toContain(
    "drivers/acpi/pci_root.o:(.text.acpi_pci_root_add)",
  );
});
