// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanLine, readConsole } from "../../../src/machine/console.js";

const good = [
  "SeaBIOS (version 1.16.2-debian-1.16.2-1)",
  "[    0.000000] Linux version 6.12",
  "[    1.000000] jettison: amd-vi: jettisoned, 10 pages (not-in-use)",
  "[    1.100000] jettison: intel-vtd: kept (in-use)",
  "[    1.200000] jettison-guest: begin",
  "[    1.210000] jettison-guest: mem-total 248000512",
  "[    1.210000] jettison-guest: meminfo MemFree 230000000",
  "[    1.210000] jettison-guest: meminfo PageTables 90112",
  "[    1.210000] jettison-guest: meminfo DirectMap4k 25165824",
  "[    1.210000] jettison-guest: meminfo DirectMap2M 243269632",
  "[    1.220000] jettison-guest: component amd-vi state jettisoned",
  "[    1.220000] jettison-guest: component amd-vi reason not-in-use",
  "[    1.220000] jettison-guest: component amd-vi bytes 40960",
  "[    1.220000] jettison-guest: component amd-vi gate_calls 0",
  "[    1.220000] jettison-guest: component old state refused",
  "[    1.220000] jettison-guest: component old reason a thing that points at it",
  "[    1.220000] jettison-guest: component old bytes 0",
  "[    1.220000] jettison-guest: component old gate_calls 0",
  "[    1.230000] jettison-guest: sysfs mode selftest",
  "[    1.230000] jettison-guest: sysfs pages 10",
  "[    1.230000] jettison-guest: sysfs bytes 40960",
  "[    1.230000] jettison-guest: sysfs gate_calls 0",
  "[    1.230000] jettison-guest: sysfs mappings_2m_after 5",
  "[    1.230000] jettison-guest: sysfs mappings_2m_before 7",
  "[    1.230000] jettison-guest: sysfs mappings_4k_after 2003",
  "[    1.230000] jettison-guest: sysfs mappings_4k_before 1536",
  "[    1.230000] jettison-guest: sysfs release_ns 30229167",
  "[    1.230000] jettison-guest: debugfs selftest_pages 10",
  "[    1.230000] jettison-guest: debugfs selftest_failures 0",
  "[    1.230000] jettison-guest: debugfs selftest_gates 7",
  "[    3.000000] jettison-guest: code-pages user 9",
  "[    3.000000] jettison-guest: fill tmpfs 230000000",
  "[    5.000000] jettison-guest: code-pages slab 8",
  "[    5.000000] jettison-guest: fill slab 150000000",
  "[    5.000000] jettison-guest: code-pages used 10",
  "[    5.000000] jettison-guest: code-pages left 10",
  "[    5.100000] jettison-guest: component amd-vi gate_calls 2",
  "[    5.200000] jettison-guest: done ok",
  "[    5.300000] reboot: Power down",
];

describe("a console", () => {
  test("that is complete is read in full; what is said twice counts as said last", () => {
    expect(readConsole(good)).toEqual({
      begun: true,
      memTotal: 248000512,
      memory: { free: 230000000, pageTables: 90112, directMap4k: 25165824, directMap2M: 243269632 },
      jettison: {
        mode: "selftest",
        pages: 10,
        bytes: 40960,
        gateCalls: 0,
        mappings: { before: { small: 1536, large: 7 }, after: { small: 2003, large: 5 } },
        releaseNs: 30229167,
        components: [
          { component: "amd-vi", state: "jettisoned", reason: "not-in-use", bytes: 40960, gateCalls: 2 },
          { component: "old", state: "refused", reason: "a thing that points at it", bytes: 0, gateCalls: 0 },
        ],
        selftest: { pages: 10, failures: 0, gates: 7 },
        audit: null,
      },
      fill: {
        tmpfsBytes: 230000000,
        slabBytes: 150000000,
        codePages: { user: 9, slab: 8, used: 10, left: 10 },
      },
      done: "ok",
      trouble: undefined,
      kernelLog: [
        "jettison: amd-vi: jettisoned, 10 pages (not-in-use)",
        "jettison: intel-vtd: kept (in-use)",
      ],
    });
  });

  test("of an audit has its counts, and the kernel's words about each find", () => {
    const said = ["pages 6831", "data 1", "percpu 0", "slab 2", "stack 3", "other 0"];
    const find = "jettison: audit: data: init_uts_ns+0x48/0x1c0 points at f+0x0/0x60 of amd-vi";
    const lines = said.map((words) => `[    4.0] jettison-guest: debugfs audit_${words}`);
    const { jettison, kernelLog } = readConsole([`[    1.0] ${find}`, ...good, ...lines]);
    expect(jettison?.audit).toEqual({ pages: 6831, data: 1, percpu: 0, slab: 2, stack: 3, other: 0 });
    expect(kernelLog).toContain(find);
    const { trouble } = readConsole([...good, ...lines.slice(0, -1)]);
    expect(trouble?.cause).toMatch(/^its report is damaged: audit_other is missing/);
  });

  test("of a kernel without Jettison has no report and is no failure", () => {
    const plain = good.filter((line) => !/component|sysfs|jettison: /.test(line));
    const reading = readConsole([...plain, "[    1.3] jettison-guest: sysfs-absent"]);
    expect(reading.jettison).toBeUndefined();
    expect(reading.trouble).toBeUndefined();
    expect(reading.done).toBe("ok");
  });

  test("with what Xen warns of a PVH dom0 is none of a failure", () => {
    const warning = "(XEN) WARNING: PVH is an experimental mode with limited functionality";
    expect(readConsole([warning, ...good]).trouble).toBeUndefined();
  });

  test.each([
    "WARNING: CPU: 0 PID: 1 at mm/slub.c:12 f+0x1/0x2",
    "BUG: unable to handle page fault for address: ffff888001234000",
    "Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI",
    "Kernel panic - not syncing: Attempted to kill init!",
    "Call Trace:",
    "usercopy: Kernel memory overwrite attempt detected to linear kernel text (offset 0, size 3)!",
    "init invoked oom-killer: gfp_mask=0x1",
    "rcu: INFO: rcu_sched self-detected stall on CPU",
    "jettison: acpi_pci_root_add+0x1a1/0x4c0 called dmar_device_add(), which is gone, and got 0. Boot with jettison.keep=intel-vtd",
  ])("with %s is a failure there", (fault) => {
    for (const prefix of ["", "[    0.5] ", "[   10.512345][    T1] "]) {
      const { trouble } = readConsole([good[0]!, `${prefix}${fault}`, ...good.slice(1)]);
      expect(trouble).toEqual({ cause: expect.stringContaining(fault), line: 1 });
    }
  });

  test("that only quotes such words is none", () => {
    for (const line of [
      "Spectre V2 : WARNING: Unprivileged eBPF is enabled",
      "x86/mm: Checked W+X mappings: passed",
    ])
      expect(readConsole([`[    0.1] ${line}`, ...good]).trouble).toBeUndefined();
  });

  test("starts its trouble at the line that cuts, and keeps the first", () => {
    const lines = [
      "a",
      "[    1.0] ------------[ cut here ]------------",
      "[    1.0] WARNING: one",
      "BUG: two",
    ];
    expect(readConsole(lines).trouble).toEqual({ cause: 'its kernel says "WARNING: one"', line: 1 });
  });

  test("gives the guest's own cause", () => {
    const lines = [
      ...good.slice(0, -2),
      "jettison-guest: failed slab: message 7 differs",
      "jettison-guest: done failed",
    ];
    expect(readConsole(lines)).toMatchObject({
      done: "failed",
      trouble: { cause: "slab: message 7 differs" },
    });
  });

  test.each([
    "sysfs pages -1",
    "sysfs pages 99999999999999999999",
    "sysfs pages",
    "mem-total lots",
    "component amd-vi state gone",
    "component amd-vi bytes 0x10",
    "fill slab NaN",
  ])("that says %s is damaged", (words) => {
    const { trouble } = readConsole([...good, `jettison-guest: ${words}`]);
    expect(trouble?.cause).toMatch(/^its report is damaged/);
  });

  test("with more components than can be is damaged", () => {
    const many = Array.from({ length: 1100 }, (_, i) => `jettison-guest: component c${i} state kept`);
    expect(readConsole([...good, ...many]).trouble?.cause).toMatch(/more than 1024/);
  });

  test("of any text is read without an exception", () => {
    const word = fc.constantFrom(
      ...[
        "jettison-guest:",
        "component",
        "sysfs",
        "state",
        "mem-total",
        "fill",
        "done",
        "__proto__",
        "1",
        "\0",
      ],
    );
    const line = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(fc.oneof(word, fc.string())).map((words) => words.join(" ")),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const reading = readConsole(lines.map(cleanLine));
        return !/\p{Cc}/u.test(reading.kernelLog.join(""));
      }),
    );
  });
});

test("a line is cleaned of what would steer a terminal, and bounded", () => {
  expect(cleanLine("\u001bc\u001b[?7l\u001b[2J[    0.0] a\tb\u001b]0;title\u0007\r")).toBe(
    "[    0.0] a b]0;title",
  );
  expect(cleanLine("x".repeat(1_000_000))).toHaveLength(1000);
  expect(cleanLine("\u009b31mred")).toBe("31mred");
});
