// SPDX-License-Identifier: Apache-2.0
/** jettison lab: jobs that LAVA's own schema takes, a monitor that finds results, a summary that is read back. */
import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { checkBoot } from "../../../src/lab/checks.js";
import { formatLavaJob, monitor } from "../../../src/lab/lavaJob.js";
import { loadMachine } from "../../../src/machine/machine.js";
import { projectRoot } from "../../../src/root.js";
import { kcidbSchema } from "../../support/kcidbSchema.js";
import { useMiniKernel } from "../../support/miniature.js";

const kernel = useMiniKernel();
const jettison = (...args: string[]) =>
  spawnSync(join(projectRoot, "bin/jettison"), args, { cwd: kernel(), encoding: "utf8" });
const written = (file: string) => readFileSync(join(kernel(), file), "utf8");

const consoleLog = [
  "[    0.000000] Linux version 6.12.1 (a@b) #1 SMP",
  "[    0.000000] DMI: Acme Box/Board, BIOS 1 01/01/2020",
  "[    1.000000] jettison: 1 of 2 components leave",
  "[    1.100000] jettison: gadget: jettisoned, 2 pages (not-in-use)",
  "[    1.100001] jettison: widget: refused, 0 pages (gate)",
  "[    1.100003] jettison: 2 pages freed: waiting 1 us, deciding 2, search 3, release 4",
  "",
];
const boot = {
  ...{ machine: "q35", mode: "selftest", memTotal: 1024 * 4096, pages: 2 },
  components: [
    { component: "gadget", state: "jettisoned", reason: "not-in-use", bytes: 8192, gateCalls: 0 },
    { component: "widget", state: "refused", reason: "gate", bytes: 0, gateCalls: 0 },
  ],
  selftest: { pages: 2, failures: 0 },
};

beforeAll(() => {
  mkdirSync(join(kernel(), "arch/x86/boot"), { recursive: true });
  const image = Buffer.alloc(0x206);
  image.write("HdrS", 0x202);
  writeFileSync(join(kernel(), "arch/x86/boot/bzImage"), image);
  writeFileSync(join(kernel(), "boot.json"), JSON.stringify({ version: 1, boots: [boot] }));
  writeFileSync(join(kernel(), "whole.log"), consoleLog.join("\n"));
  writeFileSync(join(kernel(), "short.log"), consoleLog.slice(0, 4).join("\n"));
  writeFileSync(join(kernel(), "foreign.log"), consoleLog.join("\n").replace("gadget", "gidget"));
  writeFileSync(
    join(kernel(), "off.log"),
    `${consoleLog[0]}\n[    0.1] x\n[    0.200000] Kernel command line: jettison=off\n`,
  );
  writeFileSync(join(kernel(), "none.log"), "U-Boot 2026.01\n");
});

/** LAVA's own validator, of Debian's package lava-common. */
const validate = (file: string) =>
  spawnSync(
    "/usr/bin/python3",
    [
      "-c",
      "import sys, yaml; from lava_common.schemas import validate; validate(yaml.safe_load(open(sys.argv[1])), strict=True)",
      file,
    ],
    { cwd: kernel(), encoding: "utf8" },
  );

describe("job definitions", () => {
  test("for machines of QEMU and for a real one are what LAVA's validator takes", () => {
    expect(jettison("lab", ".", "-o", "jobs", "--url", "https://lab.example/k/")).toMatchObject({
      ...{ status: 0, stderr: "", stdout: "jobs/vtd.yaml\njobs/amdvi.yaml\njobs/q35.yaml\njobs/pc.yaml\n" },
    });
    const { status, stdout } = jettison(
      "lab",
      ".",
      "-o",
      "board",
      "--device-type",
      "box-7",
      "--method",
      "ipxe",
    );
    expect([status, stdout]).toEqual([0, "board/box-7.yaml\n"]);
    for (const file of [
      "jobs/vtd.yaml",
      "jobs/amdvi.yaml",
      "jobs/q35.yaml",
      "jobs/pc.yaml",
      "board/box-7.yaml",
    ])
      expect([file, validate(file).stderr]).toEqual([file, ""]);
    expect(readdirSync(join(kernel(), "jobs")).sort()).toEqual([
      "amdvi.yaml",
      "bzImage",
      "guest.cpio.gz",
      "pc.yaml",
      "q35.yaml",
      "vtd.yaml",
    ]);
    const job = parse(written("jobs/vtd.yaml"));
    expect(job.context.extra_options).toContain("intel-iommu,intremap=on");
    const { images } = job.actions[0].deploy;
    expect(images.kernel).toMatchObject({
      url: "https://lab.example/k/bzImage",
      image_arg: expect.stringMatching(/^-kernel \{kernel\} -append "console=ttyS0 .*jettison=selftest"$/),
    });
    expect(images.kernel.sha256sum).toMatch(/^[0-9a-f]{64}$/);
    expect(parse(written("board/box-7.yaml")).actions[0].deploy.kernel.url).toMatch(
      /^file:\/\/\/.*\/board\/bzImage$/,
    );
  });

  test("a machine that starts by PVH gets vmlinux", () => {
    expect(jettison("lab", ".", "-o", "pvh", "--machine", "microvm").stderr).toBe("");
    expect(validate("pvh/microvm.yaml").stderr).toBe("");
    expect(parse(written("pvh/microvm.yaml")).actions[0].deploy.images.kernel.url).toMatch(/\/pvh\/vmlinux$/);
  });

  test("the validator finds a job that is none", () => {
    jettison("lab", ".", "-o", "bad", "--machine", "q35");
    writeFileSync(
      join(kernel(), "bad/q35.yaml"),
      written("bad/q35.yaml").replace("method: qemu", "methods: qemu"),
    );
    expect(validate("bad/q35.yaml").status).toBe(1);
  });

  test.each([["xen-dom0"], ["kvm"]])("there is none for %s, whose host LAVA cannot start", (name) => {
    expect(jettison("lab", ".", "-o", "none", "--machine", name)).toMatchObject({
      ...{ status: 2, stderr: expect.stringContaining("[lab-machine]") },
    });
  });

  test.each([['"'], ["'"], ["\\"], ["{"], ["}"], ["\n"]])(
    "there is none with %j in the kernel's command line",
    (odd) => {
      const file = { url: "file:///x", sha256sum: "0" };
      const files = { kernel: file, ramdisk: file };
      const q35 = loadMachine("q35");
      const words = `dyndbg=a${odd}b`;
      for (const write of [
        () => formatLavaJob(q35, words, files),
        () => formatLavaJob({ ...q35, append: words }, "", files),
        () => formatLavaJob({ name: "box-7", method: "ipxe" }, words, files),
      ])
        expect(write).toThrow(/\[lab-machine\]/);
    },
  );

  test("LAVA may fetch the old image while the new one is written", () => {
    const open = join(kernel(), "fetching");
    jettison("lab", ".", "-o", "served");
    linkSync(join(kernel(), "served/bzImage"), open);
    const image = join(kernel(), "arch/x86/boot/bzImage");
    const old = readFileSync(image);
    try {
      writeFileSync(image, Buffer.concat([old, Buffer.from("new")]));
      expect(jettison("lab", ".", "-o", "served").status).toBe(0);
      expect(readFileSync(open)).toEqual(old);
      expect(readFileSync(join(kernel(), "served/bzImage"))).toEqual(readFileSync(image));
      expect(readdirSync(join(kernel(), "served")).filter((name) => name.endsWith(".new"))).toEqual([]);
    } finally {
      writeFileSync(image, old);
    }
  });

  test("two machines of one name are refused, by lab and by boot", () => {
    mkdirSync(join(kernel(), "mine"), { recursive: true });
    const q35 = readFileSync(join(projectRoot, "machines/q35.yaml"));
    for (const name of ["q35", "a b", "a_b"]) writeFileSync(join(kernel(), `mine/${name}.yaml`), q35);
    const lab = (...machines: string[]) => jettison("lab", ".", "-o", "two", "--machine", ...machines);
    const refused = { status: 2, stderr: expect.stringContaining("[machine-twice]") };
    expect(lab("q35", "mine/q35.yaml")).toMatchObject(refused);
    expect(lab("mine/a b.yaml", "mine/a_b.yaml")).toMatchObject(refused);
    expect(lab("q35", "mine/a b.yaml")).toMatchObject({ status: 0, stdout: "two/q35.yaml\ntwo/a_b.yaml\n" });
    for (const form of [[], ["--ktap"]])
      expect(jettison("boot", ".", ...form, "--machine", "q35", "mine/q35.yaml")).toMatchObject(refused);
  });

  test("a device type and machines of QEMU exclude each other", () => {
    const { status, stderr } = jettison("lab", ".", "-o", "two", "--device-type", "box", "--machine", "q35");
    expect([status, stderr]).toEqual([2, expect.stringContaining("cannot be used with")]);
  });

  test("same build, same bytes", () => {
    jettison("lab", ".", "-o", "again", "--url", "https://lab.example/k");
    expect(written("again/vtd.yaml")).toBe(written("jobs/vtd.yaml"));
  });
});

test("a kernel without Jettison fails, and so does a self-test without a result", () => {
  const plain = { machine: "q35", mode: null, components: [], pages: 0, selftest: null };
  const statusesOf = (mode: string | null) =>
    checkBoot({ machine: "q35", boot: { ...plain, mode } })
      .slice(0, 3)
      .map(({ name, status }) => `${name} ${status}`);
  expect(statusesOf(null)).toEqual(["boot fail", "pages pass", "selftest skip"]);
  expect(statusesOf("on")).toEqual(["boot pass", "pages pass", "selftest skip"]);
  expect(statusesOf("selftest")).toEqual(["boot pass", "pages pass", "selftest fail"]);
});

/** As lava_dispatcher/actions/test/monitor.py reads: what comes first, at most `chunk` characters at a time. */
const watch = (text: string, chunk: number) => {
  const script = `
import json, re, sys
monitor, text, chunk = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
buffer, results, ended = "", [], False
started = False
for at in range(0, len(text), chunk):
    buffer += text[at:at + chunk]
    while not ended:
        found = [re.search(monitor[one], buffer) for one in (["end", "pattern"] if started else ["start"])]
        found = [one for one in found if one]
        if not found: break
        first = min(found, key=lambda one: one.start())
        buffer = buffer[first.end():]
        if not started: started = True
        elif "result" in first.groupdict():
            word = monitor["fixupdict"].get(first["result"], first["result"])
            results.append(first["test_case_id"] + " " + word)
        else: ended = True
print(json.dumps([results, ended]))`;
  const { stdout, stderr } = spawnSync("python3", ["-c", script, JSON.stringify(monitor), text, `${chunk}`], {
    encoding: "utf8",
  });
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout) as [string[], boolean];
};

describe("LAVA's monitor", () => {
  const said = (...lines: string[]) =>
    ["begin", "mem-total 1", ...lines].map((line) => `[    1.2] jettison-guest: ${line}\r\n`).join("") +
    "[    9.0] reboot: Power down\r\n";
  test.each([1, 7, 4096])("finds each result once, in pieces of %i", (chunk) => {
    const text = said(
      "sysfs gate_calls 0",
      "debugfs selftest_failures 0",
      "component a gate_calls 0",
      "done ok",
    );
    expect(watch(text, chunk)).toEqual([["gate_calls pass", "selftest_failures pass", "done pass"], true]);
    expect(watch(said("sysfs gate_calls 10", "debugfs selftest_failures 02", "done ok"), chunk)).toEqual([
      ["gate_calls fail", "selftest_failures fail", "done pass"],
      true,
    ]);
    expect(watch(said("failed tmpfs: 0 bytes", "done failed"), chunk)).toEqual([
      ["failed fail", "done fail"],
      true,
    ]);
  });
});

describe("the summary for KernelCI", () => {
  const summary = () => JSON.parse(written("sum/kcidb.json"));

  test("has the form of KCIDB 5.3, a test a check, and is read back by jettison report", () => {
    const { status, stderr } = jettison(
      ...["lab", ".", "boot.json", "-o", "sum", "--console", "box=whole.log", "--origin", "acme"],
    );
    expect([status, stderr]).toEqual([0, ""]);
    expect(kcidbSchema.parse(summary())).toEqual(summary());
    const { tests, builds, checkouts } = summary();
    expect(new Set(tests.map(({ id }: { id: string }) => id)).size).toBe(tests.length);
    expect(tests.every((one: { build_id: string }) => one.build_id === builds[0].id)).toBe(true);
    expect(checkouts).toMatchObject([{ id: builds[0].checkout_id, comment: "Linux 6.12.1" }]);
    expect(
      tests.map((one: { path: string; status: string; environment: { misc: { platform: string } } }) =>
        [one.environment.misc.platform, one.path, one.status].join(" "),
      ),
    ).toEqual([
      ...[
        "q35 jettison PASS",
        "q35 jettison.boot PASS",
        "q35 jettison.pages PASS",
        "q35 jettison.selftest PASS",
      ],
      ...[
        "q35 jettison.memory SKIP",
        "q35 jettison.component-gadget PASS",
        "q35 jettison.component-widget PASS",
      ],
      ...[
        "box jettison PASS",
        "box jettison.boot PASS",
        "box jettison.pages PASS",
        "box jettison.selftest SKIP",
      ],
      ...[
        "box jettison.memory SKIP",
        "box jettison.component-gadget PASS",
        "box jettison.component-widget PASS",
      ],
    ]);
    const direct = jettison("report", ".", "boot.json", "--console", "box=whole.log", "--json");
    const back = jettison("report", ".", "sum/kcidb.json", "--json");
    const machines = (run: { stdout: string }) =>
      JSON.parse(run.stdout).machines.map(({ title, ...machine }: { title: string }) => machine);
    expect(back.stderr).toBe("");
    expect(machines(back)).toEqual(machines(direct));
    expect(machines(back)).toMatchObject([
      { machine: "q35", pagesFreed: 2, memTotalOn: 4194304 },
      { machine: "box", pagesFreed: 2 },
    ]);
  });

  test("of a boot that was cut off is a failure; of a checkout that is known it makes none", () => {
    jettison("lab", ".", "-o", "sum", "--console", "short.log", "--checkout", "kernelci:17");
    expect(kcidbSchema.parse(summary())).toEqual(summary());
    expect(summary().checkouts).toBeUndefined();
    expect(summary().builds[0].checkout_id).toBe("kernelci:17");
    expect(summary().tests[0]).toMatchObject({ path: "jettison", status: "FAIL" });
    expect(summary().tests[0].log_excerpt).toContain("jettison: gadget: jettisoned");
    expect(jettison("report", ".", "sum/kcidb.json", "--json").status).toBe(0);
  });
});

describe("jettison report --console", () => {
  test("shows a machine without a MemTotal as what is known of it", () => {
    const { status, stdout } = jettison("report", ".", "--console", "whole.log", "--format", "markdown");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\| whole: Acme Box\/Board \| 2 freed \| 0 refused \| 2 \| - \| - \|$/m);
    expect(jettison("report", ".", "--console", "whole.log").stdout).toMatch(/MemTotal on, kB +\| +- /);
  });

  test.each([
    ["short.log", /^jettison: short\.log:4: the kernel has 2 components.* \[console-invalid\]$/m],
    ["none.log", /^jettison: none\.log:1: no line of it .* \[console-invalid\]$/m],
    [
      "foreign.log",
      /^jettison: foreign\.log is the console of another kernel: it names gidget.* \[console-foreign\]$/m,
    ],
    ["off.log", /^jettison: off\.log:1: it has only boots with jettison=off.* \[console-invalid\]$/m],
    ["absent.log", /\[file-unreadable\]$/m],
    ["arch", /\[file-unreadable\]$/m],
  ])("%s ends with 2 and one message", (file, message) => {
    const { status, stderr } = jettison("report", ".", "--console", file);
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
