// SPDX-License-Identifier: Apache-2.0
/** Processors and command lines that give the demo's kernel other page tables than it usually has. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { loadMachine } from "../../src/machine/machine.js";
import { demoKernel } from "../support/demoKernel.js";
import { findFaults, runGuest } from "../support/guest/guest.js";

let build: KernelBuild;
const logs = mkdtempSync(join(tmpdir(), "jettison-test-"));
beforeAll(async () => {
  build = await demoKernel();
});
afterAll(() => rmSync(logs, { recursive: true, force: true }));

const q35 = loadMachine("q35");

test.each([
  // QEMU's usual processor has no PCID: user and kernel page tables share the TLB, and what is global is in both.
  { name: "isolation", cpu: "qemu64", append: "pti=on", levels: 4, isolation: 1 },
  // This one the kernel takes for one that needs isolation, by itself.
  { name: "an old processor", cpu: "core2duo", append: "", levels: 4, isolation: 1 },
  { name: "five levels", cpu: "max", append: "", levels: 5, isolation: 0 },
  { name: "five levels and isolation", cpu: "max", append: "pti=on", levels: 5, isolation: 1 },
])("with $name: pages are freed and can be used", async (paging) => {
  const { lines, said, isDone } = await runGuest({
    bzImage: build.image,
    machine: { ...q35, qemu: [...q35.qemu, ["-cpu", paging.cpu]] },
    append: `jettison=selftest ${paging.append}`,
    log: join(logs, "paging.log"),
    script: `
      grep -qw la57 /proc/cpuinfo && levels=5 || levels=4
      say "levels $levels"
      say "isolation $(dmesg | grep -c 'page tables isolation: enabled')"
      say "pcid $(grep -cw pcid /proc/cpuinfo)"
      say "pages $(look $J/pages) $(look $J/selftest_pages) $(look $J/selftest_failures)"
      mkdir /fill
      mount -t tmpfs -o size=100% none /fill
      dd if=/dev/zero of=/fill/file bs=1M count=180
      dd if=/fill/file of=/dev/null bs=1M && say used`,
  });
  const pages = Number(/^pages (\d+)/.exec(said[3] ?? "")?.[1]);
  expect(pages).toBeGreaterThan(20);
  expect([said, isDone]).toEqual([
    [
      `levels ${paging.levels}`,
      `isolation ${paging.isolation}`,
      "pcid 0",
      `pages ${pages} ${pages} 0`,
      "used",
    ],
    true,
  ]);
  expect(findFaults(lines)).toBeUndefined();
});
