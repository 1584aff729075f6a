// SPDX-License-Identifier: Apache-2.0
/** Both linkers link by hand with the output of `jettison script`, and the program runs. */
import { expect, test } from "vitest";
import { command, writeFiles } from "../../support/compile.js";
import { buildMiniature, jettison } from "../../support/miniature.js";

const program = {
  "gart.c": `
    #define JETTISON_COMPONENT "gart"
    #include <linux/jettison_component.h>
    int __jettison gart_map(int x) { asm volatile(".skip 600, 0x90"); return x + 1; }`,
  "drivers/amd-vi.c": `
    static int size(int x) { asm volatile(".skip 5000, 0x90"); return x * 3; }
    int amd_map(int x) { return size(x) + 2; }`,
  // The same function in files of which one's path ends like the other's: only one of them belongs to amd-vi.
  "kernel/quirk.c": `
    static int quirk(int x) { asm volatile(".skip 50, 0x90"); return x + 3; }
    int (*const amd_quirk)(int) = quirk;`,
  "arch/kernel/quirk.c": `
    static int quirk(int x) { asm volatile(".skip 50, 0x90"); return x + 4; }
    int (*const own_quirk)(int) = quirk;`,
  "main.c": `
    #include <stdio.h>
    int gart_map(int x), amd_map(int x);
    extern int (*const amd_quirk)(int), (*const own_quirk)(int);
    extern char __jettison_gart_text_start[], __jettison_gart_text_end[];
    extern char __jettison_amd_vi_text_start[], __jettison_amd_vi_text_end[];
    extern char etext[];
    int in_use;
    static void show(const char *name, char *start, char *end)
    {
      printf("%s: %lu pages, at %lu in a page, last byte %02x", name, (end - start) / 4096UL,
             (unsigned long)start % 4096, end[-1] & 0xff);
      printf(", amd_map %d, gart_map %d, quirk %d, the other's %d, main %d\\n",
             (char *)amd_map >= start && (char *)amd_map < end,
             (char *)gart_map >= start && (char *)gart_map < end,
             (char *)amd_quirk >= start && (char *)amd_quirk < end,
             (char *)own_quirk >= start && (char *)own_quirk < end,
             (char *)show >= start && (char *)show < end);
    }
    int main(void)
    {
      show("gart", __jettison_gart_text_start, __jettison_gart_text_end);
      show("amd-vi", __jettison_amd_vi_text_start, __jettison_amd_vi_text_end);
      printf("%d %d %d %d\\n", gart_map(0), amd_map(0), amd_quirk(0), own_quirk(0));
    }`,
};

const manifest = `
components:
  gart:
    title: GART
    code: [{ sections: ".*..component.gart" }]
    inUse: { nonZero: in_use }
    canAppear: never
    gates: { gart_map: -1 }
  amd-vi:
    title: AMD-Vi
    code: [{ objects: [drivers/amd-vi.o, kernel/quirk.o] }]
    inUse: { nonZero: in_use }
    canAppear: never
    gates: { amd_map: -1, quirk: -1 }
`;

function printScript(linker: string): { folder: string; text: string } {
  const folder = buildMiniature({ ...program, "components.yaml": manifest });
  const { status, stdout, stderr } = jettison(
    ...([folder, "script", ".", "--components", "components.yaml", "--linker", linker] as const),
  );
  expect([status, stderr]).toEqual([0, ""]);
  writeFiles(folder, { "by-hand.lds": stdout });
  return { folder, text: stdout };
}

const whole = ["--whole-archive", "vmlinux.a", "--no-whole-archive"];

test.each(["ld", "lld"])("%s links a program with it", (linker) => {
  const { folder } = printScript(linker);
  const options = ["-T", "by-hand.lds", ...whole].map((one) => `-Wl,${one}`);
  const which = linker === "lld" ? ["-fuse-ld=lld"] : [];
  command(folder, "gcc", "-static", "-no-pie", ...which, "-o", "program", ...options);
  const members = (amd: number, gart: number) =>
    `amd_map ${amd}, gart_map ${gart}, quirk ${amd}, the other's 0, main 0`;
  expect(command(folder, "./program").split("\n")).toEqual([
    `gart: 1 pages, at 0 in a page, last byte cc, ${members(0, 1)}`,
    `amd-vi: 2 pages, at 0 in a page, last byte cc, ${members(1, 0)}`,
    "1 2 3 4",
    "",
  ]);
});

test.each(["ld", "lld"])("%s makes a relocatable object with it, as a kernel's first link does", (linker) => {
  const { folder } = printScript(linker);
  const file = linker === "lld" ? "ld.lld" : "ld";
  command(folder, file, "-r", "-o", "vmlinux.o", "-T", "by-hand.lds", ...whole);
  const sections = command(folder, "readelf", "-SW", "vmlinux.o");
  const size = (name: string) =>
    Number.parseInt(new RegExp(` ${name} +PROGBITS +\\w+ \\w+ (\\w+) .* 4096$`, "m").exec(sections)![1]!, 16);
  expect(size(".text..jettison.gart")).toBe(4096);
  expect(size(".text..jettison.amd-vi")).toBe(8192);
});

test("the preprocessor leaves it as it is", () => {
  const { folder, text } = printScript("ld");
  const processed = command(folder, "gcc", "-E", "-P", "-undef", "-x", "assembler-with-cpp", "by-hand.lds");
  const words = (script: string) =>
    script
      .replaceAll(/\/\*.*?\*\//gs, "")
      .split(/\s+/)
      .join(" ")
      .trim();
  expect(words(processed)).toBe(words(text));
});

test("a linker that it does not know is told so", () => {
  const { status, stderr } = jettison(".", "script", ".", "--linker", "gold");
  expect(status).toBe(2);
  expect(stderr).toMatch(/ld, lld/);
});
