// SPDX-License-Identifier: Apache-2.0
/** The kernel's sets have room for many components: more are refused by a clear error. */
import { expect, test } from "vitest";
import { mostComponents } from "../../../src/3-component/component.js";
import { readManifests } from "../../../src/3-component/manifest.js";
import { JettisonError } from "../../../src/diagnostics.js";
import { analyse } from "../../../src/passes.js";
import { compileObjects, loadObjects, writeFiles } from "../../support/compile.js";

test("hundreds of components can leave, with more than the kernel has room for the link fails and says so", async () => {
  const names = Array.from({ length: mostComponents + 1 }, (_, i) => `planted_${i}`);
  const text = 'asm volatile (".rept 600\\n nop\\n .endr");';
  const { folder } = compileObjects({
    "a.c": names.map((name) => `void ${name}(void) { ${text} }\n`).join(""),
  });
  const one = (name: string) =>
    `  ${name.replace("_", "-")}: { title: Planted, code: [{ symbols: ${name} }], inUse: never, canAppear: never }\n`;
  writeFiles(folder, {
    "300.yaml": `components:\n${names.slice(0, 300).map(one).join("")}`,
    "more.yaml": `components:\n${names.map(one).join("")}`,
  });
  const analysed = async (file: string) =>
    analyse(loadObjects(folder, ["a.o"]), await readManifests([`${folder}/${file}`]));

  const { regions } = await analysed("300.yaml");
  expect(regions.flatMap(({ owners }) => owners)).toHaveLength(300);
  const error: unknown = await analysed("more.yaml").catch((reason: unknown) => reason);
  if (!(error instanceof JettisonError)) throw error;
  expect(error.diagnostics.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    "too-many-components: 1025 components are built in; the kernel's sets hold 1024. Give the link fewer manifests.",
  ]);
});
