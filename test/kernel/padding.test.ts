// SPDX-License-Identifier: Apache-2.0
/** Padding on a real kernel: what comes back where, and what it does to the mapping of the image. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BootOptions, type BootResult, bootMachine } from "../../src/machine/boot.js";
import { loadMachine, type Machine } from "../../src/machine/machine.js";
import type { Plan } from "../../src/plan/plan.js";
import { demoKernel } from "../support/demoKernel.js";

const q35 = loadMachine("q35");
const pageSize = 4096;
const largePage = 2 ** 21;
const logs = mkdtempSync(join(tmpdir(), "jettison-test-"));
let image: string;
let plan: Plan;
let symbols: ReadonlyMap<string, number>;
beforeAll(async () => {
  const build = await demoKernel();
  image = build.image;
  plan = JSON.parse(readFileSync(join(build.output, "plan.json"), "utf8")) as Plan;
  const lines = readFileSync(join(build.output, "System.map"), "latin1").split("\n");
  // Offsets from the last 4 GiB are small enough to be numbers.
  symbols = new Map(lines.map((line) => [line.slice(19), Number.parseInt(line.slice(8, 16), 16)]));
});
afterAll(() => rmSync(logs, { recursive: true, force: true }));

const boot = (append: string, options: Partial<BootOptions> = {}, machine: Machine = q35) =>
  bootMachine({ bzImage: image }, machine, {
    fill: false,
    append: `jettison=selftest ${append}`,
    log: join(logs, `${append.replaceAll(/\W/g, "-")}.log`),
    ...options,
  });
const padding = ({ components }: BootResult) => components.find(({ component }) => component === "padding")!;
const pagesOf = (ranges: readonly { readonly bytes: number }[]) =>
  ranges.reduce((sum, { bytes }) => sum + bytes / pageSize, 0);
const address = (name: string) => symbols.get(name)!;

test("the plan has at least 100 pages of padding, and its bytes add up", () => {
  const image = plan.image!;
  const { owned, leaving } = plan.components.find(({ hasPadding }) => hasPadding)!;
  expect(owned).toEqual({ padding: image.padding.reduce((sum, { bytes }) => sum + bytes, 0) });
  expect(leaving.padding).toBe(pageSize * pagesOf(image.leavingPadding));
  expect(pagesOf(image.leavingPadding)).toBeGreaterThanOrEqual(100);
  for (const piece of image.leavingPadding)
    expect(
      image.padding.some(
        ({ offset, bytes }) => offset <= piece.offset && piece.offset + piece.bytes <= offset + bytes,
      ),
    ).toBe(true);
});

test("text is compact: entry text first, the SRSO thunk at its distance, no page of fill between, regions behind all", () => {
  const untrain = address("srso_alias_untrain_ret");
  const safe = address("srso_alias_safe_ret");
  const bits = (1 << 2) | (1 << 8) | (1 << 14) | (1 << 20);
  expect(untrain & bits).toBe(0);
  // Moving the image by multiples of 2 MB, as KASLR does, keeps these bits.
  expect((untrain ^ safe) % largePage).toBe(bits);
  expect(Math.floor(untrain / largePage)).toBe(Math.floor(safe / largePage));
  expect(untrain % pageSize).toBe(0);
  const order = ["_text", "srso_alias_untrain_ret", "__entry_text_start", "__entry_text_end"].concat(
    ["__noinstr_text_start", "__static_call_text_end", "srso_alias_safe_ret", "__jettison_text_start"],
    ["__jettison_text_end", "_etext"],
  );
  expect(order.map(address)).toEqual(order.map(address).sort((a, b) => a - b));
  const inText = plan.image!.padding.filter(({ offset }) => address("_text") + offset < address("_etext"));
  expect(pagesOf(inText)).toBeLessThan(3);
  for (const { name } of plan.regions.filter(({ kind }) => kind === "text"))
    expect(address(`__jettison_region_${name}_start`)).toBeGreaterThanOrEqual(
      address("__jettison_text_start"),
    );
});

test.each([
  ["asked for", "pti=on", q35],
  // It cannot tell address spaces apart: the text is made global for user space as well.
  ["of a processor that needs it", "", { ...q35, qemu: [...q35.qemu, ["-cpu", "Nehalem"]] }],
])("page-table isolation, %s, keeps no padding", async (_, append, machine) => {
  const result = await boot(append, {}, machine);
  expect(padding(result)).toMatchObject({
    ...{ state: "jettisoned", reason: "not-in-use", bytes: pageSize * allPages() },
  });
  expect(result.selftest).toMatchObject({ pages: result.pages, failures: 0 });
});

test("functions return through the thunk for SRSO, and none does while user page tables are in use", async () => {
  // Zen 3, which has the branch predictor that the thunk is for: the kernel patches each return to go through it. User page
  // tables do not map it.
  const machine = { ...q35, qemu: [...q35.qemu, ["-cpu", "EPYC-Milan"]] };
  const log = join(logs, "srso.log");
  const result = await boot("pti=on", { log }, machine);
  expect(readFileSync(log, "latin1")).toMatch(/Speculative Return Stack Overflow: .*Safe RET/);
  expect(result.selftest).toMatchObject({ pages: result.pages, failures: 0 });
});

test("jettison.padding=off keeps it: what leaves of the text are the regions", async () => {
  const result = await boot("jettison.padding=off");
  expect(padding(result)).toMatchObject({ state: "kept", reason: "off", bytes: pageSize * allPages() });
  expect(result.selftest).toMatchObject({ pages: result.pages, failures: 0 });
  const { before, after } = result.mappings!;
  // The kernel splits the last mapping of the text itself: it frees the gap before the read-only data.
  const text = plan.regions.filter(({ kind }) => kind === "text");
  const first = address(`__jettison_region_${text[0]!.name}_start`);
  const cut = Math.floor(address("_etext") / largePage) - Math.floor(first / largePage);
  expect(before.large - after.large).toBe(cut);
});

const allPages = () => pagesOf(plan.image!.leavingPadding);

test("the page tables are what the kernel says, and all other text keeps its large mappings", async () => {
  const socket = join(logs, "qmp");
  let dump: Promise<string> | undefined;
  const result = await boot(
    "",
    {
      // Using all memory takes long enough to look.
      fill: true,
      onLine(line) {
        if (line.includes("jettison-guest: begin")) dump = askMonitor(socket, "info tlb");
      },
    },
    { ...q35, qemu: [...q35.qemu, ["-qmp", `unix:${socket},server=on,wait=off`]] },
  );
  expect(padding(result)).toMatchObject({ state: "jettisoned", bytes: pageSize * allPages() });

  const first = address("_text");
  const mapped = readMappings(await dump!).filter(
    (one) => one.address >= first && one.address < address("_end"),
  );
  const { before, after } = result.mappings!;
  expect(mapped.filter(({ isLarge }) => !isLarge).length).toBe(after.small);
  expect(mapped.filter(({ isLarge }) => isLarge).length).toBe(after.large);
  // A large mapping that is split gives small ones, and what is freed has none.
  const split = (before.large - after.large) * (largePage / pageSize);
  expect(split).toBeGreaterThan(0);
  expect(after.small).toBe(before.small + split - result.pages);

  const freed = plan.image!.leavingPadding.concat(plan.image!.regions);
  for (let piece = first; piece + largePage <= address("_etext"); piece += largePage) {
    const isCut = freed.some(
      ({ offset, bytes }) => first + offset < piece + largePage && first + offset + bytes > piece,
    );
    expect(mapped.some((one) => one.address === piece && one.isLarge)).toBe(!isCut);
  }
});

/** Asks QEMU's monitor while the guest stands still. */
function askMonitor(socket: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket);
    const requests = [
      { execute: "qmp_capabilities" },
      { execute: "stop" },
      { execute: "human-monitor-command", arguments: { "command-line": command } },
      { execute: "cont" },
    ];
    const answers: unknown[] = [];
    let received = "";
    connection.on("error", reject).on("data", (data) => {
      received += data.toString();
      for (let end = received.indexOf("\n"); end >= 0; end = received.indexOf("\n")) {
        const message = JSON.parse(received.slice(0, end)) as {
          return?: unknown;
          error?: unknown;
          QMP?: unknown;
        };
        received = received.slice(end + 1);
        if (message.error !== undefined) reject(new Error(JSON.stringify(message.error)));
        if (message.return !== undefined) answers.push(message.return);
        else if (message.QMP === undefined) continue;
        const next = requests.shift();
        if (next !== undefined) connection.write(JSON.stringify(next));
        else connection.end(() => resolve(answers[2] as string));
      }
    });
  });
}

/** `ffffffff81000000: 0000000001000000 --PDA----`: address, where it leads, flags; P: not of 4 kB. */
const readMappings = (dump: string) =>
  [...dump.matchAll(/^ffffffff([0-9a-f]{8}): [0-9a-f]{16} (\S+)/gm)].map(([, low, flags]) => ({
    address: Number.parseInt(low!, 16),
    isLarge: flags!.includes("P"),
  }));
