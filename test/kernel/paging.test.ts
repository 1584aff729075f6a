// SPDX-License-Identifier: Apache-2.0
/** Processors and command lines that give the demo's kernel other page tables than it usually has. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { loadMachine } from "../../src/machine/machine.js";
import { demoKernel } from "../support/demoKernel.js";
import { findFaults, runGuest } from "../support/guest/guest.js";
import { buildModules } from "../support/guest/modules.js";

let build: KernelBuild;
let modules: Record<string, Uint8Array>;
let symbols: ReadonlyMap<string, bigint>;
const logs = mkdtempSync(join(tmpdir(), "jettison-test-"));
beforeAll(async () => {
  build = await demoKernel();
  const folder = join(logs, "modules");
  mkdirSync(folder);
  modules = await buildModules(build.output, folder, ["user_tables"]);
  const lines = readFileSync(join(build.output, "System.map"), "latin1").trim().split("\n");
  symbols = new Map(lines.map((line) => [line.slice(19), BigInt(`0x${line.slice(0, 16)}`)]));
});
afterAll(() => rmSync(logs, { recursive: true, force: true }));

const q35 = loadMachine("q35");
const address = (name: string) => symbols.get(name)!;

/** Ranges of the kernel's image that user page tables map. */
const mappedOf = (lines: readonly string[]) =>
  lines
    .flatMap((line) => /guest-maps: ([0-9a-f]+)-([0-9a-f]+)/.exec(line)?.slice(1) ?? [])
    .map((word) => BigInt(`0x${word}`))
    .flatMap((start, index, all) => (index % 2 === 0 ? [{ start, end: all[index + 1]! }] : []))
    .filter(({ start, end }) => start < address("_end") && end > address("_text"));

test.each([
  // QEMU's usual processor has no PCID: user and kernel page tables share the TLB, and what is global is in both.
  { name: "isolation", cpu: "qemu64", append: "pti=on", levels: 4, isolation: 1, maps: "entry text" },
  // This one the kernel takes for one that needs isolation, by itself.
  { name: "an old processor", cpu: "core2duo", append: "", levels: 4, isolation: 1, maps: "constants" },
  { name: "five levels", cpu: "max", append: "", levels: 5, isolation: 0, maps: "" },
  {
    ...{ name: "five levels and isolation", cpu: "max", append: "pti=on", levels: 5, isolation: 1 },
    maps: "entry text",
  },
])("with $name: pages are freed and can be used", async (paging) => {
  const { lines, said, isDone } = await runGuest({
    bzImage: build.image,
    files: modules,
    machine: { ...q35, qemu: [...q35.qemu, ["-cpu", paging.cpu]] },
    append: `jettison=selftest ${paging.append}`,
    log: join(logs, "paging.log"),
    script: `
      grep -qw la57 /proc/cpuinfo && levels=5 || levels=4
      say "levels $levels"
      say "isolation $(dmesg | grep -c 'page tables isolation: enabled')"
      say "pcid $(grep -cw pcid /proc/cpuinfo)"
      say "pages $(look $J/pages) $(look $JD/selftest_pages) $(look $JD/selftest_failures)"
      try insmod /user_tables.ko
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
      "insmod /user_tables.ko = 0",
      "used",
    ],
    true,
  ]);
  expect(findFaults(lines)).toBeUndefined();

  const mapped = mappedOf(lines);
  if (paging.maps === "entry text") {
    const page = 4096n;
    const start = address("srso_alias_untrain_ret");
    const end = ((address("__entry_text_end") + page - 1n) / page) * page;
    expect(start % page).toBe(0n);
    expect(mapped).toEqual([{ start, end }]);
  } else if (paging.maps === "constants") {
    // The kernel maps all of its image up to there for a processor without PCID, and what has been freed is not mapped.
    expect(mapped[0]!.start).toBe(address("_text"));
    expect(mapped.at(-1)!.end).toBeLessThanOrEqual(address("__end_rodata_aligned"));
  } else expect(mapped).toEqual([]);
});
