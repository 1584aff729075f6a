// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { documentCatalogue } from "../../../src/2-catalogue/document.js";
import { chapters, type Role } from "../../../src/2-catalogue/rows.js";
import { findRow, roleOf } from "../../../src/2-catalogue/sections.js";
import { kindOfSection } from "../../../src/elf/kind.js";
import type { Section } from "../../../src/elf/object.js";
import { exampleOf } from "../../../src/kernel/sourceSections.js";
import { projectRoot } from "../../../src/root.js";
import { attributes61, linkerPatterns61 } from "../../support/sections61.js";

const rows = chapters.flatMap((chapter) => chapter.rows);

const section = (name: string, fields: Partial<Section> = {}): Section => ({
  ...{ name, type: 1, flags: 2, offset: 0, size: 8, link: 0, info: 0, align: 1, entrySize: 0 },
  ...fields,
});

test("every section of Linux 6.1 is known", () => {
  const unknown = [...linkerPatterns61, ...attributes61].filter(
    (name) => findRow(exampleOf(name)) === undefined,
  );
  expect(unknown).toEqual([]);
});

test.each<[string, Role]>([
  [".text", "plain"],
  [".text.acpi_init", "plain"],
  [".text.unlikely.foo", "plain"],
  [".text..__x86.indirect_thunk", "no-gate"],
  [".text..component.amd-vi", "plain"],
  [".text.startup", "fixed"],
  [".text.startup._sub_I_65535_1", "fixed"],
  [".text.startup.part.0", "plain"],
  [".text.exit._sub_D_65535_0", "fixed"],
  [".init.text", "init"],
  [".init.text.foo", "init"],
  [".initcall4s.init", "init"],
  [".noinstr.text", "no-gate"],
  [".rodata.foo.str1.8", "plain"],
  [".rodata..c_jump_table", "fixed"],
  [".data.rel.ro.c_jump_table", "fixed"],
  [".data.foo", "plain"],
  [".data..percpu..read_mostly", "fixed"],
  [".data..read_mostly", "plain"],
  [".bss..page_aligned", "fixed"],
  [".altinstr_replacement", "patch"],
  [".pci_fixup_resume_early", "calls"],
  ["___ksymtab_gpl+iommu_attach_device", "exports"],
  [".discard.addressable", "discarded"],
  ["__jump_table", "describes"],
  ["runtime_ptr_dentry_hashtable", "describes"],
  [".mystery", "unknown"],
  [".texts", "unknown"],
  ["__jump_tables", "unknown"],
  ["", "unknown"],
])("%s is %s", (name, role) => {
  expect(roleOf(section(name))).toBe(role);
  expect(roleOf(section(name, { size: 0 }))).toBe("fixed");
});

test("no name stands twice, and a row's treatment fits its role", () => {
  const names = rows.flatMap((row) => row.sections.split(" "));
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  for (const name of names) expect(name).toMatch(/^[._a-zA-Z][^*]{2,}\*?$/);
  for (const { role, treatment, sections } of rows) {
    const fits =
      role === "discarded"
        ? treatment === "nothing"
        : role === "describes"
          ? treatment === "nothing" || treatment === "neutralise"
          : role === "no-gate"
            ? treatment === "refuse"
            : treatment === "gate";
    expect({ sections, role, treatment, fits }).toMatchObject({ fits: true });
  }
});

test("docs/sections.md is what the catalogue says: npm run docs makes it", () => {
  expect(readFileSync(join(projectRoot, "docs/sections.md"), "utf8")).toBe(documentCatalogue());
});

test("the memory kind of each section", () => {
  expect(kindOfSection(section(".text", { flags: 6 }))).toBe("text");
  expect(kindOfSection(section(".rodata"))).toBe("rodata");
  expect(kindOfSection(section(".data", { flags: 3 }))).toBe("data");
  expect(kindOfSection(section(".bss", { flags: 3, type: 8 }))).toBe("bss");
});
