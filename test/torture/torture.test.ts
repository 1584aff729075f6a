// SPDX-License-Identifier: Apache-2.0
/** The whole torture: scripts/torture. Kernels for it are built first, a quarter of an hour each on two cores. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { demoJob, demoJobOf, type KernelJob, makeKernel } from "../../src/kernel/makeKernel.js";
import { demoKernel } from "../../src/kernel/series.js";
import { loadMachine, usualMachines } from "../../src/machine/machine.js";
import { projectRoot } from "../../src/root.js";
import { buildModules } from "../support/guest/modules.js";
import { tryEndings } from "./endings.js";
import { builtBefore, type Tortured, torture } from "./torture.js";

/** Least destructive first; what a part breaks, the later ones and the leaks show. */
const parts =
  "armed modules keys tracer kprobes fentry livepatch tables files vfio kvm cpus pci hotplug memory sleep leaks".split(
    " ",
  );

/** Where the tracer's record is, which probes take over, and behind it, where they write an INT3 of their own. */
const armed = [
  ...["amd_iommu_probe_device", "intel_iommu_probe_device+9", "gart_map_page", "swiotlb_map+9"],
  ...["gnttab_grant_foreign_access", "vmbus_open+9", "uncore_pmu_event_init", "powernowk8_target+9"],
];

/** Warnings of the build that docs/kernels.md has. */
const knownWarnings: Readonly<Record<string, string>> = {
  "6.1": "vmlinux.o: warning: objtool: acpi_s2idle_setup.cold+0x0: unreachable instruction",
};

interface Run {
  readonly machine: string;
  readonly memory: number;
  readonly cpus?: number;
  readonly append?: string;
  /** Parts that this kernel does not stand there, gone components or not. */
  readonly without?: readonly string[];
}

interface Kernel {
  readonly runs: readonly Run[];
  readonly modules: readonly string[];
  readonly armed?: readonly string[];
  /** It has all that a part may look for: what one does without is a fault. */
  readonly hasAll?: true;
  /** Modules of the kernel's own, by their path in the build. */
  readonly built?: readonly string[];
  readonly append?: string;
  /** It has kexec and hibernation: every way in which it ends is tried as well. */
  readonly ends?: true;
}

const kernels: Readonly<Record<string, Kernel>> = {
  demo: {
    runs: usualMachines.map((machine) => ({ machine, memory: machine === "xen-dom0" ? 512 : 256 })),
    modules: ["harmless"],
  },
  torture: {
    runs: [
      ...usualMachines.map((machine) => ({ machine, memory: machine === "xen-dom0" ? 512 : 256 })),
      { machine: "q35", memory: 256, append: "maxcpus=1" },
      { machine: "q35", memory: 256, cpus: 4, append: "pti=on" },
    ],
    modules: ["harmless", "patches"],
    armed,
    hasAll: true,
  },
  debug: {
    runs: [
      ...["q35", "vtd", "amdvi"].map((machine) => ({ machine, memory: 384 })),
      // With DEBUG_VM it warns of CR3 when a processor of Xen's goes off.
      { machine: "xen-dom0", memory: 512, without: ["cpus"] },
    ],
    modules: ["harmless"],
  },
  // As a PV guest a kernel with KASAN ends at once: its first function writes to a shadow that is not there yet.
  kasan: {
    runs: ["q35", "vtd", "amdvi"].map((machine) => ({ machine, memory: 512 })),
    modules: ["harmless"],
  },
  full: {
    runs: usualMachines.map((machine) => ({ machine, memory: 512 })),
    modules: ["harmless", "patches"],
    armed,
    built: ["drivers/vfio/mdev/mdev.ko", "samples/vfio-mdev/mtty.ko"],
    append: "panic_on_warn=1",
    ends: true,
  },
};

const listed = (variable: string) => process.env[variable]?.split(" ").filter((name) => name !== "");
const chosen = listed("JETTISON_TORTURE") ?? [];
/** Another one is for the demo's kernel alone. */
const version = process.env.JETTISON_TORTURE_VERSION || demoKernel;
const onlyMachines = listed("JETTISON_TORTURE_MACHINES");
/** Without the ends of a kernel then. */
const onlyParts = listed("JETTISON_TORTURE_PARTS");
const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
const results: string[] = [];

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
  const commit = execFileSync("git", ["log", "-1", "--format=%h of %cs"], {
    cwd: projectRoot,
    encoding: "utf8",
  });
  mkdirSync(join(projectRoot, "out"), { recursive: true });
  const file = join(
    projectRoot,
    `out/${["torture", ...(version === demoKernel ? [] : [version]), ...(onlyMachines ?? [])].join("-")}.md`,
  );
  writeFileSync(file, `Source version ${commit.trim()}, Linux ${version}.\n\n${results.join("\n\n")}\n`);
  console.log(`the results are in ${file}`);
});

function describeRun(kernel: string, run: Run, { gone, parts: done, trouble }: Tortured): string {
  const words = [run.append, run.cpus === undefined ? undefined : `${run.cpus} processors`].filter(Boolean);
  const title = `### ${kernel} on ${run.machine}${words.length > 0 ? `, ${words.join(", ")}` : ""}`;
  return [
    `${title}\n`,
    `Gone: ${gone}. ${trouble.length === 0 ? "Nothing warned." : `Trouble: ${trouble.join("; ")}`}\n`,
    ...Object.entries(done).map(([part, what]) => `- ${part}: ${what}`),
  ].join("\n");
}

/** Tries every end of a kernel on some machines, adds a line for each to the results, and returns the troubles. */
async function recordEndings(
  build: Parameters<typeof tryEndings>[0],
  machines: readonly string[],
): Promise<string[]> {
  const done = await tryEndings(build, machines, listed("JETTISON_TORTURE_ENDS"));
  results.push(
    ...done.map(
      ({ machine, what, trouble }) => `- ${machine}: ${what}. ${trouble.join("; ") || "Nothing warned."}`,
    ),
  );
  return done.flatMap(({ machine, what, trouble }) => trouble.map((one) => `${machine}: ${what}: ${one}`));
}

/** Any kernel that was built before, as `scripts/kernels` leaves one. */
test.runIf(chosen.includes("ends"))("a finished kernel ends in every way", async () => {
  const build = builtBefore();
  if (build === undefined) throw new Error("JETTISON_TORTURE_BUILD names no build");
  expect(await recordEndings(build, onlyMachines ?? ["vtd", "amdvi", "q35", "pc"])).toEqual([]);
});

describe.each(Object.entries(kernels).filter(([name]) => chosen.includes(name) || chosen.includes("all")))(
  "%s",
  (kernel, { runs, modules: names, armed: places = [], hasAll, built = [], append = "", ends }) => {
    test("its kernel is built, and every machine stands it", async () => {
      if (kernel === "torture" && spawnSync("pahole", ["--version"]).status !== 0)
        throw new Error("pahole is not installed, and BTF needs it: apt-get install pahole");
      const changes = { changes: join(projectRoot, `configs/${kernel}.config`) };
      const job: KernelJob = {
        ...(kernel === "demo"
          ? demoJobOf(version)
          : { ...demoJob, configuration: { ...demoJob.configuration, ...changes } }),
        targets: ["bzImage", "modules"],
      };
      const before = builtBefore();
      const made = before === undefined ? await makeKernel(job) : undefined;
      expect((made?.warnings ?? []).filter((warning) => warning !== knownWarnings[version])).toEqual([]);
      const build = before ?? made!;
      mkdirSync(join(scratch, kernel));
      const modules = {
        ...(await buildModules(build.output, join(scratch, kernel), names)),
        ...Object.fromEntries(built.map((path) => [basename(path), readFileSync(join(build.output, path))])),
      };
      const troubles: string[] = [];
      const meant = [...runs.entries()].filter(([, { machine }]) => onlyMachines?.includes(machine) ?? true);
      expect(meant, "none of its machines was named").not.toEqual([]);
      for (const [index, run] of meant) {
        const machine = loadMachine(run.machine);
        const log = join(projectRoot, `out/torture-${kernel}-${index}-${run.machine}.log`);
        const wanted = (onlyParts ?? parts).filter((part) => !run.without?.includes(part));
        const result = await torture({
          bzImage: build.image,
          machine: { ...machine, memory: run.memory, cpus: run.cpus ?? machine.cpus },
          // Those probes stay on until their part takes them away, and no other can be set.
          ...{ parts: wanted, armed: wanted.includes("armed") ? places : [], modules, log },
          append: `${append} ${run.append ?? ""}`,
        });
        results.push(describeRun(kernel, run, result));
        console.log(results.at(-1));
        for (const [part, what] of Object.entries(result.parts)) {
          const lacks = /without: *(\S.*)/.exec(what)?.[1];
          if (hasAll && lacks !== undefined) troubles.push(`${run.machine}: ${part} without ${lacks}`);
        }
        troubles.push(...result.trouble.map((trouble) => `${run.machine}: ${trouble}`));
      }
      const endsOn = ends && onlyParts === undefined ? (onlyMachines ?? usualMachines) : [];
      troubles.push(...(await recordEndings(build, endsOn)));
      expect(troubles).toEqual([]);
    });
  },
);
