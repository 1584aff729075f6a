// SPDX-License-Identifier: Apache-2.0
/**
 * The objects that the series touches compile without a warning in each configuration. Nothing is linked. All are made in one
 * folder, one after the other: the tools of a build serve all, and make compiles what an option changes.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildKernel } from "../../src/kernel/buildKernel.js";
import { configureKernel } from "../../src/kernel/configureKernel.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";
import { type PrivateSource, preparePrivateSource } from "../../src/kernel/preparePrivateSource.js";

let source: PrivateSource;
beforeAll(async () => {
  source = await preparePrivateSource({ source: await fetchSource("6.12") });
});

const folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const least = ["64BIT", "STRICT_KERNEL_RWX", "SYSFS"];
const orc = "UNWINDER_ORC";
/** All that the series hooks into. */
const most = [
  ...["SMP", "PRINTK", "MODULES", "KALLSYMS", "KALLSYMS_ALL", "JUMP_LABEL", "NET", "INET", "PERF_EVENTS"],
  ...["KPROBES", "FTRACE", "FUNCTION_TRACER", "DYNAMIC_FTRACE", "LIVEPATCH", "BPF_SYSCALL", "BPF_JIT"],
  ...["HARDENED_USERCOPY", "CPU_MITIGATIONS", "MITIGATION_PAGE_TABLE_ISOLATION", "HYPERVISOR_GUEST"],
  ...["PARAVIRT", "XEN", "XEN_PV", "DEBUG_KERNEL", "DEBUG_PAGEALLOC", "PROVE_LOCKING"],
  "FUNCTION_ERROR_INJECTION",
];

/** Options without which the search of stacks and the decision for EFI must compile: ORC is off. */
const framePointers = [
  "UNWINDER_FRAME_POINTER",
  "FUNCTION_GRAPH_TRACER",
  "PREEMPT",
  "PCI",
  "ACPI",
  "EFI",
  "EFI_STUB",
  "EFI_MIXED",
];

const always = ["init/main.o", "kernel/extable.o", "arch/x86/kernel/alternative.o"];
const hooked = [
  ...["kernel/kallsyms.o", "kernel/jump_label.o", "kernel/static_call_inline.o", "kernel/kprobes.o"],
  ...[
    "kernel/module/main.o",
    "kernel/livepatch/core.o",
    "mm/usercopy.o",
    "arch/x86/mm/pti.o",
    "drivers/base/dd.o",
    "arch/x86/mm/pat/set_memory.o",
  ],
  ...[
    "mm/slub.o",
    "kernel/fork.o",
    "kernel/trace/ftrace.o",
    "lib/error-inject.o",
    "kernel/locking/lockdep.o",
  ],
  "kernel/dma/swiotlb.o",
];

test.each([
  { name: "no Jettison", isOurs: false, enabled: [...least, orc, ...most], targets: [...always, ...hooked] },
  {
    name: "all it hooks into",
    isOurs: true,
    enabled: [...least, orc, ...most],
    targets: [...always, ...hooked],
  },
  {
    name: "frame pointers and mixed mode",
    isOurs: true,
    enabled: [...least, ...most.filter((one) => one !== "LIVEPATCH"), ...framePointers],
    targets: [...always, ...hooked.filter((one) => !one.includes("livepatch"))],
  },
  { name: "little else", isOurs: true, enabled: [...least, "EXPERT", "UNWINDER_GUESS"], targets: always },
])("with $name", async ({ isOurs, enabled, targets }) => {
  const file = join(folder, "fragment.config");
  writeFileSync(file, enabled.map((name) => `CONFIG_${name}=y\n`).join(""));
  const { seriesHash, ...unmarked } = source;
  const output = join(folder, "output");
  await configureKernel({
    source: isOurs ? source : unmarked,
    output,
    configuration: { kind: "tiny", file },
  });
  const { warnings } = await buildKernel({
    source: source.folder,
    output,
    functionSections: true,
    targets: isOurs ? [...targets, "kernel/jettison/"] : targets,
  });
  expect(warnings).toEqual([]);
  expect(seriesHash).toBeDefined();
});
