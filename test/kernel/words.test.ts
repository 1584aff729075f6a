// SPDX-License-Identifier: Apache-2.0
/**
 * The three ways to say what belongs to a component, in one kernel that is booted: by object file (AMD-Vi), by symbol
 * (SWIOTLB), and by a word at each definition (GART, whose source `words/gart.patch` marks). The same kernel, whose unwinder
 * is ORC, has a component that a task sleeps in when all leave, and a module that imports what another one exports.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyBuild } from "../../src/9-verify/verifyBuild.js";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { demoJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { bootMachine } from "../../src/machine/boot.js";
import { loadMachine } from "../../src/machine/machine.js";
import type { Plan, PlanUnit } from "../../src/plan/plan.js";
import { projectRoot } from "../../src/root.js";
import { command } from "../support/compile.js";
import { jettison } from "../support/miniature.js";
import { patchedBuild } from "../support/patchedBuild.js";

const shipped = readFileSync(join(projectRoot, "components/iommu.yaml"), "utf8");
const byObject = "- objects: [arch/x86/kernel/amd_gart_64.o, arch/x86/kernel/aperture_64.o]";
/** It imports hex_dump_to_buffer(). */
const aModule = "CONFIG_RUNTIME_TESTING_MENU=y\nCONFIG_TEST_HEXDUMP=m\n";
const bySection = "- sections: .*..component.gart\n      - objects: arch/x86/kernel/aperture_64.o";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("in a kernel with function sections", () => {
  let build: KernelBuild;
  let manifest: string;
  let components: readonly string[];
  let plan: Plan;
  beforeAll(async () => {
    expect(shipped).toContain(byObject);
    const output = await patchedBuild("demo-words", join(projectRoot, "test/kernel/words/gart.patch"));
    manifest = join(output, "words.yaml");
    writeFileSync(manifest, shipped.replace(byObject, bySection));
    components = [
      ...demoJob.components.map((one) => (basename(one) === "iommu.yaml" ? manifest : one)),
      join(projectRoot, "test/kernel/inside.yaml"),
    ];
    const changes = join(scratch, "changes.config");
    writeFileSync(changes, aModule);
    build = await makeKernel({
      ...{ ...demoJob, components, output, targets: ["bzImage", "modules"] },
      configuration: { ...demoJob.configuration, changes },
    });
    plan = JSON.parse(readFileSync(join(output, "plan.json"), "utf8")) as Plan;
  });
  const unitsOf = (component: string) => plan.units.filter(({ owners }) => owners.includes(component));
  const leavingBy = (component: string, matched: string) =>
    unitsOf(component).filter((unit: PlanUnit) => unit.matched === matched && unit.region !== undefined);

  test("each takes its units, and the proof holds", async () => {
    expect(build.warnings).toEqual([]);
    expect(plan.refusals).toEqual([]);
    const object = "arch/x86/kernel/amd_gart_64.o";
    const marked = unitsOf("gart").filter((unit) => unit.matched === "sections .*..component.gart");
    expect(marked.map((unit) => `${unit.object}:(${unit.section})`).sort()).toEqual(
      [".data", ".rodata", ".text"].map((kind) => `${object}:(${kind}..component.gart)`),
    );
    expect(leavingBy("gart", "sections .*..component.gart").map(({ kind }) => kind)).toContain("text");
    expect(leavingBy("amd-vi", "objects drivers/iommu/amd/**").length).toBeGreaterThan(100);
    expect(leavingBy("swiotlb", "symbols swiotlb_map").map(({ section }) => section)).toEqual([
      ".text.swiotlb_map",
    ]);
    expect(verifyBuild(build.output).violations).toEqual([]);
  });

  test("all of them leave at boot, but for what a task sleeps in", async () => {
    const result = await bootMachine({ bzImage: build.image }, loadMachine("q35"), {
      append: "jettison=selftest",
      fill: false,
      log: join(scratch, "q35.log"),
    });
    const states = new Map(result.components.map(({ component, ...rest }) => [component, rest]));
    for (const component of ["gart", "swiotlb", "amd-vi"]) {
      expect(states.get(component)).toMatchObject({ state: "jettisoned", reason: "not-in-use" });
      expect(states.get(component)!.bytes).toBeGreaterThanOrEqual(4096);
    }
    expect(states.get("dumping")).toMatchObject({ state: "jettisoned" });
    // RCU takes the task for one that is outside.
    expect(states.get("sleeping")).toMatchObject({ state: "withheld", reason: "task-inside" });
    expect(result.selftest).toMatchObject({ pages: result.pages, failures: 0 });
  });

  test("two that claim one unit are told so, with both rules", () => {
    const rival = join(scratch, "rival.yaml");
    writeFileSync(
      rival,
      `components:
  rival:
    title: Another GART
    code: [{ symbols: "*gart*" }, { objects: arch/x86/kernel/amd_gart_64.o }]
    inUse: never
    canAppear: never
`,
    );
    const { status, stderr } = jettison(
      scratch,
      ...["plan", build.output, "--components", manifest, "--components", rival],
    );
    expect(status).toBe(2);
    expect(stderr).toContain("[manifest-claimed-twice]");
    expect(stderr).toMatch(
      /amd_gart_64\.o:\(\.text\.\.component\.gart\) is claimed by gart \(.*words\.yaml:\d+\) and by rival \(.*rival\.yaml:4\): sections \.\*\.\.component\.gart against (symbols \*gart\*|objects .*)\./,
    );
  });

  test.each(["ld", "lld"])("%s groups the objects by the script that is printed", (linker) => {
    const { status, stdout } = jettison(
      build.output,
      ...["script", ".", "--components", ...components, "--linker", linker],
    );
    expect(status).toBe(0);
    const script = join(scratch, `${linker}.lds`);
    writeFileSync(script, stdout);
    const object = join(scratch, `${linker}.o`);
    const ld = linker === "lld" ? "ld.lld" : "ld";
    command(
      build.output,
      ld,
      "-r",
      "-z",
      "noexecstack",
      "-T",
      script,
      "-o",
      object,
      "--whole-archive",
      "vmlinux.a",
    );
    const sections = command(scratch, "readelf", "-SW", object);
    for (const region of plan.regions.filter(({ kind }) => kind === "text")) {
      const name = `.text..jettison.${region.owners.join(".")}`.replaceAll(/[.-]/g, "\\$&");
      const bytes = new RegExp(` ${name} +PROGBITS +\\w+ \\w+ (\\w+) `, "m").exec(sections)?.[1];
      expect(Number.parseInt(bytes ?? "", 16), name).toBe(4096 * region.pages);
    }
    rmSync(object);
  });

  test("who of the modules built beside it imports what a component exports", () => {
    const manifest = join(scratch, "hexdump.yaml");
    writeFileSync(
      manifest,
      `components:
  hexdump:
    title: Dumps
    code: [{ objects: lib/hexdump.o }]
    inUse: never
    canAppear: module
    gates: { hex_to_bin: -EINVAL, hex2bin: -EINVAL, bin2hex: null, hex_dump_to_buffer: 0, print_hex_dump: void }
`,
    );
    const { stdout } = jettison(scratch, "plan", build.output, "--components", manifest, "--json");
    const { exports } = JSON.parse(stdout) as { exports: { symbol: string; importers: string[] }[] };
    expect(exports.find(({ symbol }) => symbol === "hex_dump_to_buffer")).toMatchObject({
      kind: "EXPORT_SYMBOL",
      components: ["hexdump"],
      importers: ["lib/test_hexdump"],
    });
    expect(exports.find(({ symbol }) => symbol === "hex_asc_upper")).toMatchObject({ importers: [] });
  });
});
