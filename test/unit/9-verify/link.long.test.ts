// SPDX-License-Identifier: Apache-2.0
/** The final link: it needs a whole link of `vmlinux.o` before it, and fails when the proof does. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { command, temporaryFolder, writeFiles } from "../../support/compile.js";
import { runLinker } from "../../support/miniature.js";
import { inSection, pointer } from "../../support/plantedCode.js";
import {
  finalArguments,
  finalInputs,
  type Kernel,
  linkKernel,
  removeKernel,
} from "../../support/verifyKernel.js";

let kernel: Kernel;
beforeAll(() => {
  kernel = linkKernel();
});
afterAll(() => removeKernel(kernel));

test("a final link is ours whatever it is called, and is none without a whole link before it", () => {
  const copy = temporaryFolder();
  command(copy, "cp", "-a", `${kernel.folder}/.`, ".");
  const final = (output: string, input = "vmlinux.o") => {
    rmSync(join(copy, output), { force: true });
    const args = finalArguments([input, "init/version-timestamp.o"]);
    const { stderr } = runLinker(
      copy,
      args.map((one) => (one === "vmlinux" ? output : one)),
    );
    return [existsSync(join(copy, output)), /\[[\w-]+\]$/m.exec(stderr)?.[0]];
  };
  const forget = (name: string) => rmSync(join(copy, ".jettison", name));
  forget("claims.json");
  expect(final("vmlinux.unstripped")[1]).toBe("[file-unreadable]");
  command(copy, "cp", "vmlinux.o", "other.o");
  writeFiles(copy, { "more.yaml": "components: {}\n" });
  expect(runLinker(copy, finalArguments(finalInputs), "components.yaml:more.yaml").stderr).toMatch(
    /\[link-outdated\]/,
  );
  writeFiles(copy, { ".jettison/link.json": '{"version":0}' });
  expect(final("vmlinux")).toEqual([false, "[link-incomplete]"]);
  // The kernel's build has links of other things too, before vmlinux.o is made again.
  expect(runLinker(copy, ["-r", "-o", "realmode.elf", "init/version-timestamp.o"]).status).toBe(0);
  expect(runLinker(copy, ["-o", "realmode.elf", "init/version-timestamp.o"]).status).toBe(0);
  forget("link.json");
  for (const output of ["vmlinux", "vmlinux.unstripped", ".tmp_vmlinux1"])
    expect([output, ...final(output)]).toEqual([output, false, "[link-incomplete]"]);
  expect(final("image", "other.o")).toEqual([false, "[link-incomplete]"]);
  rmSync(join(copy, ".jettison"), { recursive: true });
  expect(final("vmlinux.unstripped")).toEqual([false, "[link-incomplete]"]);
});

test("a plan that fails leaves nothing of the one before", () => {
  const copy = temporaryFolder();
  command(copy, "cp", "-a", `${kernel.folder}/.`, ".");
  writeFiles(copy, { "broken.yaml": "components: [" });
  expect(runLinker(copy, undefined, "broken.yaml").status).toBe(2);
  for (const left of [".jettison/link.json", ".jettison/claims.json", "plan.json", "vmlinux.o"])
    expect([left, existsSync(join(copy, left))]).toEqual([left, false]);
  expect(runLinker(copy, undefined).status).toBe(0);
  expect(runLinker(copy, finalArguments(finalInputs)).status).toBe(0);
  // Ended by the linker itself.
  expect(
    runLinker(copy, ["-r", "-o", "vmlinux.o", "--no-such-option", "--whole-archive", "vmlinux.a"]).status,
  ).not.toBe(0);
  expect(existsSync(join(copy, ".jettison/link.json"))).toBe(false);
});

test("the link fails when the proof does, and names both ends", () => {
  const { folder } = kernel;
  writeFiles(folder, { "stray.S": inSection(".data", "aw", pointer) });
  command(folder, "gcc", "-c", "-o", "stray.o", "stray.S");
  const { status, stderr } = runLinker(folder, finalArguments([...finalInputs, "stray.o"]));
  expect(stderr).toMatch(/\(planted\) may outlive its target: .*\(gadget_work\).*reference-outlives/);
  expect(status).toBe(1);
});
