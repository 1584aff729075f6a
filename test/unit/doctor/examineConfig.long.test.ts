// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import type { Examination } from "../../../src/doctor/examineConfig.js";
import { projectRoot } from "../../../src/root.js";

const folder = mkdtempSync(join(tmpdir(), "jettison-doctor-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** As Kconfig writes it: a distribution's options, of which none is in the way. */
const whole = `#
# Linux/x86 6.12.117 Kernel Configuration
#
CONFIG_CC_VERSION_TEXT="x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"
CONFIG_X86_64=y
CONFIG_STRICT_KERNEL_RWX=y
CONFIG_EFI_MIXED=y
CONFIG_CRASH_DUMP=y
CONFIG_LIVEPATCH=y
CONFIG_UNWINDER_FRAME_POINTER=y
CONFIG_INTEL_IOMMU=y
# CONFIG_IRQ_REMAP is not set
CONFIG_HYPERV=m
`;

function doctor(file: string, input?: Buffer | string) {
  const argv = ["doctor", "--config", file, "--json"];
  const { status, stdout, stderr } = spawnSync(join(projectRoot, "bin/jettison"), argv, {
    ...{ encoding: "utf8", maxBuffer: 1 << 26 },
    ...(input === undefined ? {} : { input }),
  });
  return { status, stderr, found: (stdout === "" ? undefined : JSON.parse(stdout)) as Examination };
}

const presenceOf = ({ components }: Examination, name: string) =>
  components.find((one) => one.name === name)!.presence;

test("a distribution's configuration: nothing is in the way, and each component is looked up", () => {
  const { status, found } = doctor("-", whole);
  expect(status).toBe(0);
  expect(found).toMatchObject({ version: 1, file: "-", release: "6.12.117", isWhole: true, inTheWay: [] });
  const presences = ["intel-vtd", "hyperv", "xen", "padding"].map((name) => presenceOf(found, name));
  expect(presences).toEqual(["built-in", "module", "absent", "any"]);
  expect(found.components.find(({ name }) => name === "intel-vtd")!.options).toEqual([
    { name: "INTEL_IOMMU", value: "y" },
    { name: "IRQ_REMAP", value: "n" },
  ]);
});

test("gzip and xz are read as the text in them", () => {
  const packed = join(folder, "config.gz");
  writeFileSync(packed, gzipSync(whole));
  expect(doctor(packed).found).toEqual({ ...doctor("-", whole).found, file: packed });
  const { stdout } = spawnSync("xz", ["-c"], { input: whole });
  expect(doctor("-", stdout).found).toEqual(doctor("-", whole).found);
});

test("a part of a configuration leaves to Kconfig what it does not mention", () => {
  const { status, found } = doctor("-", "CONFIG_XEN=y\n");
  expect([status, found.isWhole, found.inTheWay]).toEqual([0, false, []]);
  expect([presenceOf(found, "xen"), presenceOf(found, "hyperv")]).toEqual(["built-in", "unsaid"]);
});

test.each(["CONFIG_CFI_CLANG=y", "CONFIG_CFI=y", "# CONFIG_STRICT_KERNEL_RWX is not set"])(
  "%s is in the way",
  (line) => {
    const option = /CONFIG_\w+/.exec(line)![0];
    const { status, found } = doctor("-", `${whole.replace("CONFIG_STRICT_KERNEL_RWX=y\n", "")}${line}\n`);
    expect(status).toBe(1);
    expect(found.inTheWay).toHaveLength(1);
    expect(found.inTheWay[0]).toContain(option);
  },
);

test("a file that is no configuration is an error", () => {
  const empty = doctor("-", "#!/bin/sh\n");
  expect(empty.status).toBe(2);
  expect(empty.stderr).toContain("[config-empty]");
  expect(doctor("-", Buffer.from([0x1f, 0x8b, 1, 2])).stderr).toContain("[file-unreadable]");
  expect(doctor(join(folder, "none")).stderr).toContain("[file-unreadable]");
});
