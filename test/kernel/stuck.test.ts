// SPDX-License-Identifier: Apache-2.0
/** The kernel cannot change the mapping of a component's pages: a debugger makes each change fail. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readImage } from "../../src/elf/image.js";
import { symbolName } from "../../src/elf/object.js";
import type { KernelBuild } from "../../src/kernel/buildKernel.js";
import { loadMachine } from "../../src/machine/machine.js";
import { demoKernel } from "../support/demoKernel.js";
import { debuggedBy, interceptCalls } from "../support/guest/debugger.js";
import { findFaults, runGuest } from "../support/guest/guest.js";

let build: KernelBuild;
const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
beforeAll(async () => {
  build = await demoKernel();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const q35 = loadMachine("q35");
const outOfMemory = -12n;

function addressOf(name: string): bigint {
  const file = join(build.output, "vmlinux");
  const image = readImage(file, readFileSync(file));
  for (let symbol = 0; symbol < image.symbols.count; symbol++)
    if (symbolName(image, symbol) === name) return BigInt.asUintN(64, BigInt(image.symbolAddress[symbol]!));
  throw new Error(`${file} has no ${name}`);
}

/** Boots q35, where calls of a function fail: how many there were, and what the kernel says of its components. */
async function bootWhere(name: string, fails: (call: number) => boolean) {
  const socket = join(scratch, "debugger");
  rmSync(socket, { force: true });
  const running = runGuest({
    bzImage: build.image,
    machine: { ...q35, qemu: [...q35.qemu, ...debuggedBy(socket)] },
    append: "jettison=selftest nokaslr",
    log: join(scratch, "stuck.log"),
    script: `
      say "pages $(look $J/pages) $(look $JD/selftest_pages) $(look $JD/selftest_failures)"
      mkdir /fill
      mount -t tmpfs -o size=100% none /fill
      dd if=/dev/zero of=/fill/file bs=1M count=180
      dd if=/fill/file of=/dev/null bs=1M && say used`,
  });
  const calls = await interceptCalls(socket, addressOf(name), (call) =>
    fails(call) ? outOfMemory : undefined,
  );
  const { lines, said, isDone } = await running;
  expect([said.at(-1), isDone, findFaults(lines)]).toEqual(["used", true, undefined]);
  const sum = (pattern: RegExp) =>
    lines.reduce((total, line) => total + Number(pattern.exec(line)?.[1] ?? 0), 0);
  return {
    calls,
    said: said[0],
    freed: sum(/: jettisoned, (\d+) pages/),
    withheld: sum(/: withheld, (\d+) pages \(page-tables\)/),
    more: sum(/: the mapping of (\d+) more pages could not be changed/),
  };
}

const unmap = "set_memory_np_noalias";

test("a page that cannot be unmapped stays and is counted as such, and nobody calls its code any more", async () => {
  const none = await bootWhere(unmap, () => false);
  expect(none).toMatchObject({ said: `pages ${none.freed} ${none.freed} 0`, withheld: 0, more: 0 });
  expect(none.calls).toBeGreaterThan(20);
  const all = await bootWhere(unmap, () => true);
  expect(all).toMatchObject({ said: "pages 0 0 0", freed: 0, withheld: none.freed, more: 0 });
  const some = await bootWhere(unmap, (call) => call % 3 === 0);
  expect(some.said).toBe(`pages ${some.freed} ${some.freed} 0`);
  expect(some.freed + some.withheld + some.more).toBe(none.freed);
  expect(Math.min(some.freed, some.withheld, some.more)).toBeGreaterThan(0);
});

test("a page that is unmapped but cannot be written to is nobody's memory", async () => {
  const some = await bootWhere("set_direct_map_default_noflush", (call) => call % 7 === 0);
  expect(some.said).toBe(`pages ${some.freed} ${some.freed} 0`);
  expect(Math.min(some.freed, some.withheld + some.more)).toBeGreaterThan(0);
});
