// SPDX-License-Identifier: Apache-2.0
/** The kernel's tables name owners by the bits of a word: more components than it has bits are refused by a clear error. */
import { expect, test } from "vitest";
import { readManifests } from "../../../src/3-component/manifest.js";
import { JettisonError } from "../../../src/diagnostics.js";
import { analyse } from "../../../src/passes.js";
import { compileObjects, loadObjects, writeFiles } from "../../support/compile.js";

test("64 components can leave, with 65 the link fails and says so", async () => {
  const names = Array.from({ length: 65 }, (_, i) => `planted_${i}`);
  const text = 'asm volatile (".rept 600\\n nop\\n .endr");';
  const { folder } = compileObjects({
    "a.c": names.map((name) => `void ${name}(void) { ${text} }\n`).join(""),
  });
  const one = (name: string) =>
    `  ${name.replace("_", "-")}: { title: Planted, code: [{ symbols: ${name} }], inUse: never, canAppear: never }\n`;
  writeFiles(folder, {
    "64.yaml": `components:\n${names.slice(0, 64).map(one).join("")}`,
    "65.yaml": `components:\n${names.map(one).join("")}`,
  });
  const analysed = async (file: string) =>
    analyse(loadObjects(folder, ["a.o"]), await readManifests([`${folder}/${file}`]));

  const { regions } = await analysed("64.yaml");
  expect(regions.flatMap(({ owners }) => owners)).toHaveLength(64);
  const error: unknown = await analysed("65.yaml").catch((reason: unknown) => reason);
  if (!(error instanceof JettisonError)) throw error;
  expect(error.diagnostics.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    "too-many-components: 65 components are built in; the kernel's tables hold 64. Give the link fewer manifests.",
  ]);
});
