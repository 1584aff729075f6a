// SPDX-License-Identifier: Apache-2.0
/** The modules that the demo's kernel has built in, against what kbuild itself says of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type ClassifiedModule, isAutomatic } from "../../src/4-builtin/classify.js";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { identifyCompiler } from "../../src/kernel/compiler.js";
import { demoJob } from "../../src/kernel/makeKernel.js";
import { classifyBuild, planBuild } from "../../src/passes.js";
import { demoCommand } from "../../src/report/demoPages.js";
import { replaceGenerated } from "../../src/report/generatedPart.js";
import { modulesMarkdown } from "../../src/report/modulesText.js";
import { projectRoot } from "../../src/root.js";
import { demoKernel } from "../support/demoKernel.js";

let build: KernelBuild;
let modules: readonly ClassifiedModule[];
beforeAll(async () => {
  build = await demoKernel();
  modules = classifyBuild(build.output);
});

test("they are those of modules.builtin", () => {
  const lines = readFileSync(join(build.output, "modules.builtin"), "utf8").trim().split("\n");
  const paths = lines.map((line) => line.replace(/^kernel\/(.*)\.ko$/, "$1"));
  expect(modules.map(({ module }) => module.path)).toEqual([...paths].sort());
});

test("drivers are automatic; what has no exit, or more than an initcall, is not", () => {
  const named = (name: string) => modules.find((one) => one.name === name)!;
  for (const name of ["e1000e", "psmouse", "virtio_pci"]) {
    expect([name, isAutomatic(named(name)), named(name).class]).toEqual([name, true, "driver"]);
    expect(named(name).hooks.exitcalls.length).toBe(1);
  }
  expect(named("e1000e").module.objects.length).toBeGreaterThan(5);
  expect(named("ipv6").obstacle).toEqual({ kind: "no-exit" });
  expect(named("8250").obstacle).toEqual({ kind: "hook", name: ".con_initcall.init" });
  expect(named("xenbus").obstacle).toEqual({ kind: "several-initcalls" });
  expect(named("zstd_decompress").class).toBe("library");
});

test("docs/modules.md shows them, where they are of this kernel and this compiler", async () => {
  const release = readFileSync(join(build.output, "include/config/kernel.release"), "utf8").trim();
  const measuredWith = `Linux ${release}, ${(await identifyCompiler()).replace("\n", ", ")}`;
  const file = join(projectRoot, "docs/modules.md");
  const text = readFileSync(file, "utf8");
  const { setAside } = await planBuild(build.output, demoJob.components, true);
  if (text.includes(measuredWith))
    expect(text).toBe(replaceGenerated(file, demoCommand, modulesMarkdown(modules, setAside, measuredWith)));
});
