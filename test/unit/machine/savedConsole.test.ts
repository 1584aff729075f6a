// SPDX-License-Identifier: Apache-2.0
/** Consoles as people save them: whatever stands around a boot, it is read, or the line at fault is named. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { toBoot } from "../../../src/boots/consoles.js";
import { readSavedConsole } from "../../../src/machine/savedConsole.js";

const boot = [
  "[    0.000000] Linux version 6.12.117 (user@host) (gcc 12, GNU ld 2.40) #1 SMP",
  "[    0.000000] Command line: console=ttyS0 jettison=selftest",
  "[    0.000000] DMI: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2-debian-1.16.2-1 04/01/2014",
  "[    0.100000][    T0] Kernel command line: console=ttyS0 jettison=selftest",
  "[    1.000000][    T1] jettison: 2 of 3 components leave",
  "[    1.100000][    T1] jettison: amd-vi: jettisoned, 10 pages (not-in-use)",
  "[    1.100001][    T1] jettison: intel-vtd: kept, 27 pages (in-use)",
  "[    1.100002][    T1] jettison: padding: jettisoned, 333 pages (pti)",
  "[    1.100003][    T1] jettison: 343 pages freed: waiting 1 us, deciding 2, search 3, release 4",
  "[    1.200000][    T1] jettison: self-test: 343 pages, 0 failures, 24 gates",
  "[    2.000000][    T1] Run /init as init process",
];
const wanted = {
  release: "6.12.117",
  dmi: "QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2-debian-1.16.2-1 04/01/2014",
  pages: 343,
  components: [
    { component: "amd-vi", state: "jettisoned", reason: "not-in-use", bytes: 40960, gateCalls: 0 },
    { component: "intel-vtd", state: "kept", reason: "in-use", bytes: 27 * 4096, gateCalls: 0 },
    { component: "padding", state: "jettisoned", reason: "pti", bytes: 333 * 4096, gateCalls: 0 },
  ],
  selftest: { pages: 343, failures: 0, gates: 24 },
  problem: undefined,
  trouble: undefined,
};
const read = (lines: readonly string[], end = "\n") => readSavedConsole(lines.join(end));
const bare = (line: string) => line.replace(/^(\[[ T.\d]+\])+ /, "");

describe("a boot is read as it stands", () => {
  test.each<[string, (line: string) => string]>([
    ["of a serial line", (line) => line],
    ["with carriage returns", (line) => `${line}\r`],
    ["with more of them", (line) => `\r${line}\r\r`],
    ["with colours", (line) => `\u001b[32m${line.slice(0, 14)}\u001b[0m\u001b[33m${line.slice(14)}\u001b[0m`],
    ["of dmesg -r", (line) => `<6>${line}`],
    ["of dmesg -T", (line) => `[Fri Nov 27 08:39:03 2026] ${bare(line)}`],
    ["without timestamps", bare],
    ["of syslog", (line) => `Nov 27 08:39:03 lab-7 kernel: ${line}`],
    ["of the journal", (line) => `Nov 27 08:39:03 lab-7 kernel: ${bare(line)}`],
    ["of a terminal server", (line) => `[2026-11-27 08:39:03.123] ${line}`],
    ["of conserver", (line) => `2026-11-27T08:39:03+01:00 ${bare(line)}`],
    ["of KernelCI", (line) => `2026-11-27T08:39:03.123456  ${line}`],
    ["of KernelCI's older logs", (line) => `08:39:03.123456  <6>${line}`],
    ["of Xen's dom0", (line) => `(XEN) ${line}`],
    [
      "of LAVA",
      (line) => `- ${JSON.stringify({ dt: "2026-11-27T08:39:03.123456", lvl: "target", msg: line })}`,
    ],
    ["of LAVA before 2018", (line) => `- {dt: '2026-11-27T08:39:03.123456', lvl: target, msg: '${line}'}`],
    ["of LAVA with its line ends", (line) => `- ${JSON.stringify({ lvl: "target", msg: `${line}\r` })}`],
    ["behind another's words", (line) => `usb 1-1: new de${line}`],
  ])("%s", (_, wrap) => {
    expect(read(boot.map(wrap))).toMatchObject([wanted]);
  });

  test("among what LAVA says itself", () => {
    const lava = (lvl: string, msg: unknown) => `- ${JSON.stringify({ dt: "2026", lvl, msg })}`;
    const lines = [
      lava("info", "start: 2.1 execute-qemu"),
      ...boot.flatMap((line) => [lava("target", line), lava("debug", "jettison: amd-vi: kept, 9 pages (x)")]),
      lava("results", { case: "login", result: "pass" }),
    ];
    expect(read(lines)).toMatchObject([wanted]);
  });

  test("under the names of a command line that is another's", () => {
    expect(read(boot.map((line) => line.replaceAll("jettison=selftest", "xjettison=off")))).toMatchObject([
      { ...wanted, mode: undefined },
    ]);
  });
});

test.each([
  ["jettison=off", "off"],
  ["jettison=off jettison=on", undefined],
  ["jettison=on a jettison=off b", "off"],
  ["jettison=off -- jettison=on", "off"],
  ["a -- jettison=off", undefined],
])("of the command line %s the mode is %s", (given, mode) => {
  const lines = boot.map((line) => line.replaceAll("jettison=selftest", given));
  expect(read(lines)).toMatchObject([{ mode }]);
});

test("what YAML warns of in a log is not printed", () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  expect(read(["- {lvl: target, msg: !unknown x}", ...boot])).toHaveLength(1);
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});

test("of several boots each is one, and those of other kernels are none", () => {
  const other = ["U-Boot 2026.01", "[    0.000000] Linux version 6.1.0 (host) #1", "[    1.0] usb"];
  const off = [boot[0]!, "[    0.0] x", "[    0.100000] Kernel command line: a jettison=off b"];
  const boots = read([...other, ...off, ...boot, ...other, ...boot.slice(0, 6)]);
  expect(boots.map(({ mode, line, problem }) => [mode, line, problem?.line])).toEqual([
    ["off", 4, undefined],
    [undefined, 7, undefined],
    [undefined, 21, 26],
  ]);
  expect(read(other)).toEqual([]);
  expect(readSavedConsole("")).toEqual([]);
});

describe("what cannot be right is named with its line", () => {
  const without = (pattern: RegExp) => boot.filter((line) => !pattern.test(line));
  const changed = (from: string, to: string) => boot.map((line) => line.replace(from, to));
  test.each<[string, readonly string[], number, RegExp]>([
    ["a log that ends too early", boot.slice(0, 8), 8, /ends before the line "jettison: N pages freed"/],
    ["a log that begins too late", boot.slice(5), 6, /begins too late/],
    ["a line that is missing", without(/intel-vtd/), 8, /has 3 components, but the log has lines of 2/],
    [
      "a line that is cut off",
      changed("333 pages (pti)", "333 pa"),
      8,
      /"jettison: padding: jettisoned, 333 pa" is cut/,
    ],
    ["a line in another", changed("10 pages", "10 pausb 1-1: new"), 6, /mixed with another line/],
    [
      "a digit that is lost",
      changed("333 pages", "33 pages"),
      9,
      /freed 343 pages, but its components add up to 43/,
    ],
  ])("%s", (_, lines, line, what) => {
    const [{ problem }] = read(lines) as [ReturnType<typeof read>[number]];
    expect(problem?.line).toBe(line);
    expect(problem?.what).toMatch(what);
  });

  test("a fault that the kernel reports", () => {
    const fault = "[    1.900000] WARNING: CPU: 0 PID: 1 at mm/slab.c:1 foo+0x1/0x2";
    expect(read([...boot, fault])).toMatchObject([{ problem: undefined, trouble: { line: 12 } }]);
  });

  test("a call of what is gone counts at its component", () => {
    const call =
      "[    1.900000] jettison: foo+0x1/0x2 called bar(), which is gone, and got -19. Boot with jettison.keep=amd-vi";
    const [{ components, trouble }] = read([...boot, call]) as [ReturnType<typeof read>[number]];
    expect(components.map(({ gateCalls }) => gateCalls)).toEqual([1, 0, 0]);
    expect(trouble?.line).toBe(12);
  });
});

test("however it is cut and mixed, what left adds up, or the log is refused", () => {
  const noise = fc.constantFrom(
    "\r",
    "\n",
    "\u001b[0m",
    "[    1.5] usb 1-1: ",
    "jettison: ",
    "- {",
    '"',
    "0",
    " pages",
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(boot.join("\n").length), noise, fc.nat(3)), { maxLength: 4 }),
      (edits) => {
        let text = boot.join("\n");
        for (const [at, put, gone] of edits) text = text.slice(0, at) + put + text.slice(at + gone);
        for (const one of readSavedConsole(text))
          if (one.problem === undefined && one.mode !== "off") {
            const sum = one.components
              .filter(({ state }) => state === "jettisoned")
              .reduce((all, { bytes }) => all + bytes, 0);
            expect(sum).toBe(one.pages * 4096);
          }
      },
    ),
  );
});

/** The lines of the guest's program, behind those of the kernel. */
const guest = [
  "begin",
  "mem-total 228552704",
  "sysfs mode selftest",
  "sysfs pages 343",
  ...wanted.components.flatMap(({ component, state, reason, bytes }) =>
    ["bytes", "gate_calls", "reason", "state"].map(
      (file) => `component ${component} ${file} ${{ bytes, gate_calls: 0, reason, state }[file as "bytes"]}`,
    ),
  ),
  "done ok",
].map((text) => `[    3.000000] jettison-guest: ${text}`);

test("the guest's program is believed once it has come to its end, and agrees with the kernel", () => {
  const boots = (lines: readonly string[]) =>
    read([...boot, ...lines]).map((saved) => toBoot({ machine: "x", title: "x", file: "x", saved }));
  expect(boots(guest)).toMatchObject([{ memTotal: 228552704, mode: "selftest", pages: 343 }]);
  const text = guest.join("\n");
  for (let length = 0; length < text.length; length++) {
    const [one] = boots([text.slice(0, length)]);
    expect(one).toMatchObject({ pages: 343, components: wanted.components });
    expect(one).not.toHaveProperty("memTotal");
  }
  const without = (word: string) => guest.filter((line) => !line.includes(word));
  for (const word of ["sysfs pages", "component amd-vi"])
    expect(boots(without(word))).toMatchObject([{ pages: 343, components: wanted.components }]);
});

test("a boot with jettison=off has no size of memory unless the guest's program came to its end", () => {
  const off = [boot[0]!, "[    0.100000] Kernel command line: a jettison=off b"];
  const told = guest.filter((line) => /begin|mem-total/.test(line));
  const memTotal = (lines: readonly string[]) =>
    read([...off, ...lines]).map((saved) => toBoot({ machine: "x", title: "x", file: "x", saved }).memTotal);
  expect(memTotal([...told, guest.at(-1)!])).toEqual([228552704]);
  expect(memTotal(told)).toEqual([undefined]);
});
