// SPDX-License-Identifier: Apache-2.0
/**
 * The other way in which a kernel is linked: without indirect branch tracking vmlinux is made from vmlinux.a.
 * And invariant 4, linked the same way: without components, of objects without function sections, the kernel is
 * the plain linker's byte for byte.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { verifyBuild } from "../../src/9-verify/verifyBuild.js";
import { type KernelJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { bootMachine } from "../../src/machine/boot.js";
import { loadMachine } from "../../src/machine/machine.js";
import { projectRoot } from "../../src/root.js";
import { torture } from "../torture/torture.js";

const logs = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(logs, { recursive: true, force: true }));

const job: KernelJob = {
  source: { debian: "6.12" },
  configuration: { kind: "tiny", file: join(projectRoot, "configs/small-noibt.config") },
  components: [join(projectRoot, "components/iommu.yaml")],
  functionSections: true,
};

test("a kernel without IBT is linked with regions, without a warning, and frees them", async () => {
  const build = await makeKernel(job);
  expect(build.warnings).toEqual([]);
  expect(verifyBuild(build.output).violations).toEqual([]);
  for (const [name, kept, gone] of [
    ["vtd", "intel-vtd", "amd-vi"],
    ["q35", undefined, "intel-vtd"],
  ] as const) {
    const result = await bootMachine({ bzImage: build.image }, loadMachine(name), {
      append: "jettison=selftest",
      fill: false, // it has no sockets to fill memory with; that freed pages can be used the demo's kernel shows
      log: join(logs, `${name}.log`),
    });
    const state = (component: string) => result.components.find((one) => one.component === component)?.state;
    expect(state(gone)).toBe("jettisoned");
    if (kept !== undefined) expect(state(kept)).toBe("kept");
    const freed = result.components.filter((one) => one.state === "jettisoned");
    expect(result.pages).toBeGreaterThan(5);
    expect(freed.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(4096 * result.pages);
    expect(result.selftest).toMatchObject({ pages: result.pages, failures: 0 });
  }
});

test.each([
  ["q35", "amd-vi.*intel-vtd", "2 killed"],
  ["vtd", "amd-vi", "1 killed"],
])(
  "probes that are armed while it boots, and the tracer, do not outlive what they are in: %s",
  async (name, gone, killed) => {
    const { image } = await makeKernel(job);
    const result = await torture({
      bzImage: image,
      machine: loadMachine(name),
      parts: ["armed", "tracer", "kprobes"],
      armed: ["amd_iommu_probe_device", "intel_iommu_probe_device+5"],
      modules: {},
      log: join(logs, `probes-${name}.log`),
    });
    expect(result.trouble).toEqual([]);
    expect(result.gone).toMatch(new RegExp(gone));
    expect(result.parts.armed).toContain(killed);
    expect(Object.values(result.parts).every((part) => part.startsWith("ok"))).toBe(true);
  },
);

test("without components the kernel is the plain linker's, byte for byte", async () => {
  const plain: KernelJob = {
    source: { debian: "6.12" },
    configuration: { kind: "tiny", file: join(projectRoot, "configs/least.config") },
    components: [],
    functionSections: false,
  };
  const byLd = await makeKernel({ ...plain, ld: "ld" });
  const expected = readFileSync(byLd.vmlinux);
  const byJettison = await makeKernel(plain);
  expect(byJettison.output).toBe(byLd.output);
  expect(byJettison.linked).toBe(true);
  expect(readFileSync(byJettison.vmlinux).equals(expected)).toBe(true);
});
