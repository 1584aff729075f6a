// SPDX-License-Identifier: Apache-2.0
/** Text that fills the hole before the SRSO thunk, linked as the kernel is. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildGraph, type Graph } from "../../../src/1-graph/graph.js";
import { chooseFiller } from "../../../src/7-layout/filler.js";
import { rewriteObjects } from "../../../src/8-link/rewrite.js";
import { writeMergeScript } from "../../../src/8-link/script.js";
import { loadImage } from "../../../src/elf/load.js";
import { symbolName, symbolsOf } from "../../../src/elf/object.js";
import { projectRoot } from "../../../src/root.js";
import { command, compileObjects, loadObjects } from "../../support/compile.js";

const bits = (1 << 2) | (1 << 8) | (1 << 14) | (1 << 20);

const section = (name: string, bytes: number, align: number, symbol = "") => `
  .section ${name}, "ax", @progbits
  .balign ${align}
  ${symbol === "" ? "" : `.globl ${symbol}; ${symbol}:`}
  .fill ${bytes}, 1, 0x90`;

/** Functions of many sizes and some alignments, 2.4 MB of them; some lie in no section of their own. */
const functions = (name: string) =>
  Array.from({ length: 300 }, (_, index) => {
    const own = index % 50 === 0 ? ".text" : `.text.${name}${index}`;
    return section(own, 17 + ((index * 7919) % 4001), [1, 16, 16, 32, 64][index % 5]!);
  }).join("\n");

const thunks = `
  ${section(".text..__x86.rethunk_untrain", 10, 1, "srso_alias_untrain_ret")}
  ${section(".text..__x86.rethunk_safe", 14, 1, "srso_alias_safe_ret")}`;

const kernel = (special: string) => ({
  "head.S": section(".head.text", 5000, 16),
  "mm/a.S": functions("a"),
  "entry.S": `${section(".entry.text", 7000, 64)} ${thunks}`,
  "special.S": special,
  "drivers/b.S": functions("b"),
  "lib/c.S": `${functions("c")} ${section(".text.page", 100, 4096)} ${section(".text.unlikely", 900, 16)}`,
  "net/d.S": `${functions("d")} ${section(".text.hot", 900, 16)} ${section(".init.text", 900, 16)}`,
});

const special = `
  ${section(".noinstr.text", 300, 16)}
  .balign 4096
  .fill 4096, 1, 0x90
  ${section(".cpuidle.text", 33, 16)} ${section(".sched.text", 20_001, 16)} ${section(".spinlock.text", 77, 16)}
  ${section(".kprobes.text", 3, 1)} ${section(".softirqentry.text", 27, 16)} ${section(".static_call.text", 60, 4)}
  ${section(".text..__x86.indirect_thunk", 96, 32)} ${section(".text..__x86.return_thunk", 1000, 64)}`;

const series = join(projectRoot, "runtime/linux/6.12");
const patch = readFileSync(
  join(series, readdirSync(series).find((name) => name.startsWith("0001-"))!),
  "utf8",
);
/** The assertion that the patch adds to arch/x86/kernel/vmlinux.lds.S */
const assertion = /^\+(\. = ASSERT\([^;]*;)/m.exec(patch)![1]!.replaceAll("\n+", "\n");

/** As in arch/x86/kernel/vmlinux.lds.S */
const script = `SECTIONS {
  . = 0xffffffff81000000;
  .text : {
    start = .; *(.head.text)
    . = ALIGN(4096);
    *(.text..__x86.rethunk_untrain)
    . = ALIGN(16); *(.entry.text)
    . = ALIGN(4096);
    . = ALIGN(16); *(.noinstr.text) *(.cpuidle.text)
    . = ALIGN(16); *(.sched.text)
    . = ALIGN(16); *(.spinlock.text)
    . = ALIGN(16); *(.kprobes.text)
    . = ALIGN(16); *(.softirqentry.text)
    *(.text..__x86.indirect_thunk) *(.text..__x86.return_thunk)
    . = ALIGN(16); *(.static_call.text)
    filler_start = .; *(.text..filler) filler_end = .;
    . = MAX(., srso_alias_untrain_ret | ${bits});
    *(.text..__x86.rethunk_safe)
    *(.text .text.*)
  } = 0xcccccccc
}
${assertion}`;

function compile(sources: Readonly<Record<string, string>>) {
  const { folder, names } = compileObjects(sources, []);
  return { folder, graph: buildGraph(loadObjects(folder, names)) };
}

/** Gives addresses, counted from the start of the text. */
function link({ folder, graph }: ReturnType<typeof compile>, filler: readonly number[]) {
  const files = rewriteObjects({
    ...{ graph, regions: [], filler, gates: [], tableNames: new Map(), folder: join(folder, "changed") },
  });
  writeFileSync(join(folder, "merge.lds"), writeMergeScript([]));
  writeFileSync(join(folder, "kernel.lds"), script);
  const paths = graph.objects.map(({ file }, index) => files.get(index)?.path ?? file);
  command(folder, "ld", "-r", "-T", "merge.lds", "-o", "vmlinux.o", ...paths);
  command(folder, "ld", "-T", "kernel.lds", "-o", "vmlinux", "vmlinux.o");
  const image = loadImage("vmlinux", join(folder, "vmlinux"));
  const addresses = new Map(
    [...symbolsOf(image)].map((symbol) => [symbolName(image, symbol), image.symbolAddress[symbol]!]),
  );
  return (name: string) => addresses.get(name)! - addresses.get("start")!;
}

const none = (graph: Graph) => ({ isLeaving: new Uint8Array(graph.unitCount) });

test("fills the hole but for three pages at most, and never more than it holds", () => {
  const built = compile(kernel(special));
  const address = link(built, chooseFiller(built.graph, none(built.graph)));
  expect(address("srso_alias_safe_ret") ^ address("srso_alias_untrain_ret")).toBe(bits);
  expect(address("filler_end") - address("filler_start")).toBeGreaterThan(900_000);
  expect(address("srso_alias_safe_ret") - address("filler_end")).toBeLessThan(3 * 4096);
});

test("takes functions from the end of the link, and nothing that leaves or has a place of its own", () => {
  const { graph } = compile(kernel(special));
  const nameOf = (unit: number) =>
    graph.objects[graph.unitObject[unit]!]!.sections[graph.unitSection[unit]!]!.name;
  const all = chooseFiller(graph, none(graph));
  expect(all).toEqual([...all].sort((a, b) => a - b));
  const files = new Set(all.map((unit) => graph.objects[graph.unitObject[unit]!]!.file));
  expect([...files].sort()).toEqual(["lib/c.o", "net/d.o"]);
  expect(all.map(nameOf).filter((name) => !/^\.text(\.[a-d]\d+)?$/.test(name))).toEqual([]);
  const isLeaving = new Uint8Array(graph.unitCount);
  isLeaving[all.at(-1)!] = 1;
  expect(chooseFiller(graph, { isLeaving })).not.toContain(all.at(-1));
});

test.each([
  ["a kernel without the thunk has no hole", { "a.S": functions("a") }],
  ["text that fills it by itself leaves no room", kernel(section(".noinstr.text", 1_060_000, 16))],
])("%s", (_, sources) => {
  const { graph } = compile(sources);
  expect(chooseFiller(graph, none(graph))).toEqual([]);
});

test("if special text alone exceeds the hole, the link fails and names the option to change", () => {
  const { folder, graph } = compile(kernel(section(".noinstr.text", 1_080_000, 16)));
  expect(() => link({ folder, graph }, chooseFiller(graph, none(graph)))).toThrow(/set X86_COMPACT_TEXT=n/);
});
