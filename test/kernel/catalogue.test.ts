// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { expect, test } from "vitest";
import { findRow } from "../../src/catalogue/sections.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";
import { temporaryFolder } from "../compile.js";
import { exampleOf, readLinkerPatterns, readSectionAttributes } from "../linkerPatterns.js";

/** Only modules have it. */
const ofModules = new Set(["___srcu_struct_ptrs"]);

test("every section of Linux 6.12 is known: of its linker script, and of what its headers name", async () => {
  const source = await fetchSource("6.12");
  const patterns = readLinkerPatterns(source, temporaryFolder());
  expect(patterns.length).toBeGreaterThan(200);
  const attributes = ["include", "arch/x86/include"].flatMap((folder) =>
    readSectionAttributes(join(source, folder)),
  );
  expect(attributes.length).toBeGreaterThan(70);
  const unknown = [...patterns, ...attributes].filter(
    (name) => !ofModules.has(name) && findRow(exampleOf(name)) === undefined,
  );
  expect(unknown).toEqual([]);
});
