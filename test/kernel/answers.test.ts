// SPDX-License-Identifier: Apache-2.0
/** Answers for every configuration: a function without one refuses its component, in the first kernel that has it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { answerFor } from "../../src/3-component/answer.js";
import type { Component } from "../../src/3-component/component.js";
import { readManifests } from "../../src/3-component/manifest.js";
import { nameMatcher, pathMatcher } from "../../src/3-component/pattern.js";
import { restrictToVersion } from "../../src/3-component/restrictToVersion.js";
import { shippedManifests } from "../../src/3-component/shipped.js";
import { fetchSource } from "../../src/kernel/fetchSource.js";
import { testedVersions } from "../support/testedVersions.js";

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

/** The types that functions return, by their definitions: two lines at most, which begin at the margin. */
function returnTypes(files: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const byName = new Map<string, string[]>();
  const attributes =
    /\b(static|inline|noinline|notrace|asmlinkage|__always_inline|__visible|const|__ref|__cold|__maybe_unused|__\w*hidden)\b/g;
  for (const file of files)
    for (const [, type, name] of readFileSync(file, "latin1").matchAll(
      /^((?:[a-z_]\w* +)*[a-z_]\w*(?:[ *]+|[ *]*\n))(\w+)\([^;]*?\)\s*\{/gm,
    )) {
      const plain = type!.replace(attributes, "").replace(/\s+/g, " ").trim();
      if (!/^(return|else|do|if|case|define)\b|^$/.test(plain))
        byName.set(name!, [...(byName.get(name!) ?? []), plain]);
    }
  return byName;
}

/** Whether a function of the type may give the answer; kernels without type information are not asked by the link. */
function fitsType(type: string, answer: string): boolean {
  if (type === "void" || answer === "void") return type === answer;
  if (type.endsWith("*")) return answer === "null" || answer.startsWith("-");
  return type !== "bool" || ["true", "false", "0", "1"].includes(answer);
}

test.each(testedVersions)(
  "every answer fits the type of its function in the source of %s",
  async (version) => {
    const source = await fetchSource(version);
    const wrong: string[] = [];
    let count = 0;
    for (const whole of await readManifests(shippedManifests)) {
      const component = restrictToVersion(whole, version);
      const types = returnTypes(sourcesOf(component, source).map((file) => join(source, file)));
      for (const [name, some] of types) {
        const gate = answerFor(component, name);
        // A pattern matches more than what can get a gate.
        if (!gate?.literal || gate.answer.kind === "function") continue;
        count++;
        if (!some.some((type) => fitsType(type, gate.answer.text)))
          wrong.push(
            `${component.name}: ${some[0]} ${name}() answers ${gate.answer.text}, line ${gate.line}`,
          );
      }
    }
    expect(count).toBeGreaterThan(500);
    expect(wrong).toEqual([]);
  },
);
