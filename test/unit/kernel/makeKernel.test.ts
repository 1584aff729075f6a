// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeKernel } from "../../../src/kernel/makeKernel.js";

test("an error in the form of a manifest is reported before anything is made", async () => {
  const folder = mkdtempSync(join(tmpdir(), "jettison-make-"));
  try {
    const manifest = join(folder, "own.yaml");
    writeFileSync(manifest, "components:\n  own:\n    title: Own\n    code: [{ object: x.o }]\n");
    const job = {
      source: { folder: join(folder, "no-such-tree") },
      configuration: { kind: "tiny" as const, file: join(folder, "no.config") },
      components: [manifest],
      functionSections: true,
    };
    await expect(makeKernel(job)).rejects.toMatchObject({
      diagnostics: expect.arrayContaining([expect.objectContaining({ code: "manifest-invalid" })]),
    });
    expect(readdirSync(folder)).toEqual(["own.yaml"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
