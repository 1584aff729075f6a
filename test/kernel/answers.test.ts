// SPDX-License-Identifier: Apache-2.0
/** Answers for every configuration: a function without one refuses its component, in the first kernel that has it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { answerFor } from "../../src/3-component/answer.js";
import type { Component } from "../../src/3-component/component.js";
import { readManifests } from "../../src/3-component/manifest.js";
import { nameMatcher, pathMatcher } from "../../src/3-component/pattern.js";
import { shippedManifests } from "../../src/3-component/shipped.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";

/** Drivers of other architectures, and functions that those call that stay. */
const exceptions = new Set([
  ...["of_iommu_get_resv_regions", "omap_iommu_save_ctx", "omap_iommu_restore_ctx"],
  ...["omap_iommu_domain_deactivate", "omap_iommu_domain_activate"],
  ...["kvm_async_pf_task_wake", "kvm_read_and_reset_apf_flags", "get_phys_to_machine"],
]);

/** The part of a pattern that has no wildcard, up to its last slash. */
const folderOf = (pattern: string) => pattern.replace(/[*?].*$/, "").replace(/[^/]*$/, "");

/** Sources in C of a component's objects, by path. */
function sourcesOf({ code }: Component, source: string): string[] {
  const rules = code.filter(({ kind }) => kind === "objects");
  const folders = [...new Set(rules.flatMap(({ patterns }) => patterns.map(folderOf)))];
  const list = (folder: string): string[] => {
    try {
      return readdirSync(join(source, folder), { recursive: true, encoding: "utf8" }).map(
        (file) => folder + file,
      );
    } catch {
      return []; // Calgary's is of other versions.
    }
  };
  const files = folders.flatMap(list).filter((file) => file.endsWith(".c"));
  return [...new Set(files)].filter((file) => {
    const object = file.replace(/c$/, "o");
    return rules.some(
      ({ patterns, except = [] }) =>
        patterns.some((pattern) => pathMatcher(pattern)(object)) &&
        !except.some((pattern) => pathMatcher(pattern)(object)),
    );
  });
}

/** Exported names that the file uses or defines as functions. */
function exportedFunctions(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const names = [...text.matchAll(/^EXPORT_SYMBOL\w*\((\w+)/gm)].map(([, name]) => name!);
  return names.filter((name) => new RegExp(`^\\w.*\\b${name}\\(`, "m").test(text));
}

test("every function that the code of a component exports has an answer", async () => {
  const source = await fetchSource("6.12");
  const without: string[] = [];
  let count = 0;
  for (const component of await readManifests(shippedManifests))
    for (const file of sourcesOf(component, source))
      for (const name of exportedFunctions(join(source, file))) {
        count++;
        if (exceptions.has(name) || component.resident.some((pattern) => nameMatcher(pattern)(name)))
          continue;
        if (answerFor(component, name) === undefined) without.push(`${component.name}: ${file}: ${name}()`);
      }
  expect(count).toBeGreaterThan(300);
  expect(without).toEqual([]);
});
