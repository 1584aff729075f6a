// SPDX-License-Identifier: Apache-2.0
/** jettison report in its other formats, and with files that are none. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { projectRoot } from "../../../src/root.js";
import { useMiniKernel } from "../../support/miniature.js";

const kernel = useMiniKernel();
const report = (...args: string[]) =>
  spawnSync(join(projectRoot, "bin/jettison"), ["report", ".", ...args], { cwd: kernel(), encoding: "utf8" });

const boot = {
  machine: "q35",
  mode: "selftest",
  memTotal: 1024 * 4096,
  components: [{ component: "gadget", state: "jettisoned", reason: "not-in-use", bytes: 8192 }],
  pages: 2,
  selftest: { pages: 2, failures: 0 },
};
beforeAll(() => {
  writeFileSync(join(kernel(), "boot.json"), JSON.stringify({ version: 1, boots: [boot] }));
  const off = { ...boot, mode: "off", memTotal: boot.memTotal - 8192, pages: 0, selftest: null };
  writeFileSync(join(kernel(), "off.json"), JSON.stringify({ version: 1, boots: [off] }));
  writeFileSync(join(kernel(), "none.json"), '{"version": 1, "machines": [{"machine": 1}]}');
  writeFileSync(join(kernel(), "unversioned.json"), JSON.stringify([boot]));
  writeFileSync(join(kernel(), "later.json"), JSON.stringify({ version: 2, boots: [boot] }));
});

test("text, aligned and without colours where there is no terminal", () => {
  const { stdout, status } = report("boot.json");
  expect(status).toBe(0);
  expect(stdout).not.toContain("\u001b");
  expect(stdout).toMatch(/gadget +planned/);
  expect(stdout).toMatch(/\| gadget +\| +2 freed/);
});

test("Markdown for a pull request", () => {
  const { stdout } = report("boot.json", "off.json", "--format", "markdown", "--title", "a kernel");
  expect(stdout).toMatch(/^### Jettison: a kernel\n/);
  expect(stdout).toMatch(/^\| no IOMMU \(q35\) \| 2 freed \| 2 \| \+8 \| ok \|$/m);
  expect(stdout).toMatch(/^- widget is refused:/m);
});

test("JSON with raw bytes and a version", () => {
  const given = JSON.parse(report("boot.json", "--json").stdout);
  expect(given).toMatchObject({
    version: 1,
    machines: [{ machine: "q35", pagesFreed: 2, memTotalOn: 4194304 }],
    refusals: [{ component: "widget" }],
  });
  expect(given.columns).toBeUndefined();
  // No boot with jettison=off, no figure of one.
  expect(given.machines[0].memTotalOff).toBeUndefined();
  const [both] = JSON.parse(report("off.json", "boot.json", "--json").stdout).machines;
  expect(both).toMatchObject({ memTotalOff: 4194304 - 8192, memTotalOn: 4194304 });
});

test.each([
  ["boots that do not exist", "nowhere.json", "file-unreadable"],
  ["boots that are none", "none.json", "boots-invalid"],
  ["boots without a version", "unversioned.json", "boots-invalid"],
  ["boots of a later version", "later.json", "boots-invalid"],
  ["boots that are no JSON", "components.yaml", "boots-invalid"],
])("%s end with 2 and a message", (_, file, code) => {
  const { status, stderr } = report(file);
  expect(status).toBe(2);
  expect(stderr).toContain(`[${code}]`);
});
