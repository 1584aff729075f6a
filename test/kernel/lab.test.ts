// SPDX-License-Identifier: Apache-2.0
/** A lab's view of the demo's kernel: KTAP as the kernel's own parser reads it, and the boot that a LAVA job describes. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { formatKtap, ktapHead } from "../../src/lab/ktap.js";
import { qemu } from "../../src/machine/qemuCommand.js";
import { projectRoot } from "../../src/root.js";
import { demoKernel } from "../support/demoKernel.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const { output } = await demoKernel();

const jettison = (...args: string[]) =>
  spawnSync(join(projectRoot, "bin/jettison"), args, { cwd: scratch, encoding: "utf8" });

interface ParsedTest {
  readonly name: string;
  readonly status?: string;
  readonly sub_groups: readonly ParsedTest[];
  readonly test_cases: readonly { readonly name: string; readonly status: string }[];
}

/** tools/testing/kunit/kunit.py of the kernel's source. */
function parseKtap(text: string): { status: number | null; groups: readonly ParsedTest[]; said: string } {
  const file = join(scratch, "results.ktap");
  writeFileSync(file, text);
  const kunit = join(realpathSync(join(output, "source")), "tools/testing/kunit/kunit.py");
  const json = join(scratch, "results.json");
  const { status, stdout, stderr } = spawnSync("python3", [kunit, "parse", `--json=${json}`, file], {
    encoding: "utf8",
    cwd: scratch,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  const { sub_groups } = JSON.parse(readFileSync(json, "utf8")) as ParsedTest;
  return { status, groups: sub_groups, said: stdout + stderr };
}

const caseOf = (group: ParsedTest | undefined, name: string) =>
  group?.test_cases.find((one) => one.name === name)?.status;

test("the kernel's parser reads what jettison boot --ktap prints, without an error", () => {
  const { status, stdout, stderr } = jettison(
    ...["boot", output, "--machine", "q35", "--append", "jettison=selftest", "--ktap"],
  );
  expect([status, stdout.split("\n").slice(0, 2)], stderr).toEqual([0, ["KTAP version 1", "1..1"]]);
  const parsed = parseKtap(stdout);
  expect(parsed.said).not.toMatch(/ERROR/);
  expect(parsed.status).toBe(0);
  const [q35] = parsed.groups;
  expect(q35?.name).toBe("q35");
  expect(q35?.test_cases.every((one) => one.status === "PASS")).toBe(true);
  for (const name of ["boot", "pages", "selftest", "memory", "component-intel-vtd"])
    expect([name, caseOf(q35, name)]).toEqual([name, "PASS"]);
});

test("a guest that panics is a failure with its console, whatever the panic says", () => {
  const { status, stdout } = jettison(
    ...["boot", output, "--machine", "q35", "--append", "rdinit=/nowhere", "--no-fill", "--ktap"],
  );
  expect(status).toBe(1);
  expect(stdout).toMatch(/^not ok 1 q35$/m);
  const { status: parsed, groups, said } = parseKtap(stdout);
  expect(parsed).toBe(1);
  expect(said).not.toMatch(/ERROR/);
  expect(caseOf(groups[0], "boot")).toBe("FAIL");
});

test("failures, skips and words of the protocol in a console do not confuse the parser", () => {
  const component = {
    component: "a",
    state: "jettisoned",
    reason: "not-in-use",
    bytes: 4096,
    gateCalls: 1,
  } as const;
  const boot = { machine: "one", mode: "on", components: [component], pages: 1, selftest: null };
  const console =
    "ok 1 - x\n1..7\nKTAP version 1\nreboot: System halted\nKernel panic - not syncing: VFS: # SKIP";
  const outcomes = [
    { machine: "one", boot },
    { machine: "two", boot: undefined, failure: { cause: 'says "KTAP # SKIP"', console } },
    { machine: "three # SKIP", boot: { ...boot, components: [{ ...component, gateCalls: 0 }] } },
  ];
  const text = ktapHead(3) + outcomes.map((one, index) => formatKtap(index + 1, one)).join("");
  const { status, groups, said } = parseKtap(text);
  expect(said).not.toMatch(/ERROR/);
  expect(status).toBe(1);
  expect(groups.map(({ name }) => name)).toEqual(["one", "two", "three _ SKIP"]);
  expect([caseOf(groups[0], "component-a"), caseOf(groups[0], "selftest")]).toEqual(["FAIL", "SKIP"]);
  expect(caseOf(groups[1], "boot")).toBe("FAIL");
  expect(caseOf(groups[2], "component-a")).toBe("PASS");
  // A machine that is missing at the end is an error of the parser's.
  expect(parseKtap(text.slice(0, text.indexOf("  # Subtest: three"))).said).toMatch(/ERROR/);
});

test("the boot that a LAVA job describes works, and its log is read back", () => {
  expect(jettison("lab", output, "-o", "jobs", "--machine", "q35").status).toBe(0);
  const { actions, context } = parse(readFileSync(join(scratch, "jobs/q35.yaml"), "utf8"));
  const { kernel, ramdisk } = actions[0].deploy.images;
  for (const [name, { url }] of Object.entries({ kernel, ramdisk }))
    copyFileSync(fileURLToPath(url), join(scratch, name));
  // The options of LAVA's device type qemu without KVM, and what follows them (qemu.jinja2, actions/boot/qemu.py).
  const command = [
    qemu,
    "-nographic -net nic,model=virtio,macaddr=52:54:00:12:34:58 -net user",
    `-m ${context.memory} -monitor none`,
    ...context.extra_options,
    kernel.image_arg.replace("{kernel}", "kernel"),
    ramdisk.image_arg.replace("{ramdisk}", "ramdisk"),
  ].join(" ");
  const { stdout, stderr } = spawnSync("sh", ["-c", `exec ${command}`], {
    ...{ cwd: scratch, encoding: "utf8", input: "", timeout: 300_000, maxBuffer: 2 ** 26 },
  });
  expect(stdout, stderr).toMatch(new RegExp(actions[2].test.monitors[0].end));
  const lines = stdout.split("\n").map((msg) => `- ${JSON.stringify({ dt: "2026", lvl: "target", msg })}`);
  writeFileSync(
    join(scratch, "job.yaml"),
    `- ${JSON.stringify({ lvl: "info", msg: "start" })}\n${lines.join("\n")}\n`,
  );
  const summary = jettison("lab", output, "-o", "jobs", "--console", "q35=job.yaml");
  expect([summary.status, summary.stderr]).toEqual([0, ""]);
  const report = jettison("report", output, "jobs/kcidb.json", "--json");
  const [machine] = JSON.parse(report.stdout).machines;
  expect(machine).toMatchObject({ machine: "q35", selftest: { failures: 0 } });
  expect(machine.pagesFreed).toBe(machine.selftest.pages);
  // The kernel's lines alone, as any machine's console has them, say the same.
  writeFileSync(join(scratch, "serial.log"), stdout.replace(/^.*jettison-guest: .*$/gm, ""));
  const serial = JSON.parse(jettison("report", output, "--console", "q35=serial.log", "--json").stdout)
    .machines[0];
  expect(serial).toMatchObject({ components: machine.components, pagesFreed: machine.pagesFreed });
});
