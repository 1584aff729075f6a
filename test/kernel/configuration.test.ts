// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { JettisonError } from "../../src/diagnostics.js";
import { configureKernel } from "../../src/kernel/configureKernel.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";
import { demoJob } from "../../src/kernel/makeKernel.js";
import { type PrivateSource, preparePrivateSource } from "../../src/kernel/preparePrivateSource.js";

let source: PrivateSource;
beforeAll(async () => {
  source = await preparePrivateSource({ source: await fetchSource("6.12") });
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The codes and messages that a fragment over tinyconfig is answered with. */
async function configure(fragment: string): Promise<{ codes: string[]; text: string }> {
  const file = join(folder, "fragment.config");
  writeFileSync(file, fragment);
  const output = join(folder, "output");
  try {
    await configureKernel({ source, output, configuration: { kind: "tiny", file } });
    return { codes: [], text: "" };
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    expect(error.exitCode).toBe(2);
    expect(existsSync(join(output, ".config"))).toBe(false);
    return { codes: error.diagnostics.map(({ code }) => code), text: error.message };
  }
}

const demo = readFileSync(demoJob.configuration.file, "utf8");

test("the demo's configuration is taken, and has what its boots are to be right about", async () => {
  expect(await configure(demo)).toEqual({ codes: [], text: "" });
  const config = readFileSync(join(folder, "output/.config"), "utf8").split("\n");
  for (const name of ["JETTISON", "HARDENED_USERCOPY", "DEBUG_WX", "KALLSYMS_ALL", "X86_KERNEL_IBT"])
    expect(config).toContain(`CONFIG_${name}=y`);
});

test.each(["# CONFIG_STRICT_KERNEL_RWX is not set", "CONFIG_CFI_CLANG=y"])(
  "%s is refused by its name",
  async (line) => {
    const { codes, text } = await configure(`${demo}${line}\n`);
    expect(codes).toEqual(["config-unsupported"]);
    expect(text).toContain(line.match(/CONFIG_\w+/)![0]);
  },
);

test("link-time optimisation is refused by its name", async () => {
  vi.stubEnv("LLVM", "-19");
  onTestFinished(() => void vi.unstubAllEnvs());
  const { codes, text } = await configure(`${demo}CONFIG_LTO_CLANG_THIN=y\n`);
  expect(codes).toEqual(["config-unsupported"]);
  expect(text).toContain("CONFIG_LTO_CLANG is y");
});

test("a 32-bit kernel is refused", async () => {
  const { codes, text } = await configure("CONFIG_SYSFS=y\nCONFIG_PRINTK=y\n# CONFIG_64BIT is not set\n");
  expect(codes).toContain("config-unsupported");
  expect(text).toContain("CONFIG_X86_64");
});

test("a line that lost its effect is named with its number", async () => {
  const { codes, text } = await configure(`${demo}CONFIG_NO_SUCH_OPTION=y\n`);
  expect(codes).toEqual(["config-not-taken"]);
  expect(text).toContain(`fragment.config:${demo.split("\n").length}: CONFIG_NO_SUCH_OPTION=y`);
});
