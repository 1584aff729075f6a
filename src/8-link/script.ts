// SPDX-License-Identifier: Apache-2.0
/**
 * The linker script of the `ld -r` step. It gives each region a section of its own, and merges the sections
 * that the compiler made for each function and object back into those that the kernel's own script, objtool
 * and modpost know.
 *
 * The first rule that matches an input section counts, so names that only look like a function's come first.
 * Sections that no rule names (double-dot names, init, tables) go, as without a script, into an output section of
 * the same name. Strings are recognised by their flags: a static `str1` in a function lies in `.rodata.str1.1` too.
 */

import { guardBytes } from "../6-boundary/beside.js";
import { fillerSection } from "../7-layout/filler.js";
import type { Region } from "../7-layout/regions.js";
import { pageSize, textFill } from "../x86/x86.js";
import { regionEnd, regionSection, regionStart } from "./tables.js";

const fill = `0x${textFill.toString(16).repeat(4)}`;

/** Text that the kernel's script places by name. */
const namedText = ["hot", "unlikely", "unknown"];
const keptText = ["fixup", "startup", "exit"];
/** With a section for each function, those of gcc's constructors and destructors. A function may be called `exit.part.0`. */
const constructors: Readonly<Record<string, string>> = { startup: "._sub_I_*", exit: "._sub_D_*" };

/**
 * Sections that lie with the others of their kind: a section of a function or an object (one dot, then a name of C; `.L` and a
 * name where it is the compiler's own, as KASAN's; clang's of compound literals), and what <linux/jettison_component.h> has
 * put into a component that does not leave.
 */
const merged = (section: string) =>
  `.${section} .${section}.[_a-zA-Z0-9]* .${section}..L* .${section}..compoundliteral* .${section}..component.*`;

/**
 * The name under which a section of one function or object goes into the kernel, for the few objects that
 * join the final link directly and so see no merge script; undefined where the name is the kernel's own.
 */
export function mergedName(section: string): string | undefined {
  if ([...namedText, ...keptText].some((name) => section.startsWith(`.text.${name}`))) return undefined;
  if (section.startsWith(".data.rel.ro")) return undefined;
  return /^(\.(?:text|rodata|data|bss))\.(?:(?:\.L)?[_a-zA-Z0-9]+|\.compoundliteral[.0-9]*)$/.exec(
    section,
  )?.[1];
}

export function writeMergeScript(regions: readonly Region[]): string {
  const rule = (section: string, inputs: string) => `\t${section} : { ${inputs} }`;
  const strings = [1, 2, 4].flatMap((entry) =>
    [1, 2, 4, 8, 16, 32].map((align) => {
      const name = `.rodata.str${entry}.${align}`;
      return rule(
        name,
        `INPUT_SECTION_FLAGS (SHF_MERGE & SHF_STRINGS) *(${name} .rodata.*.str${entry}.${align})`,
      );
    }),
  );
  const constants = [2, 4, 8, 16, 32, 64].map((size) => {
    const name = `.rodata.cst${size}`;
    return rule(name, `INPUT_SECTION_FLAGS (SHF_MERGE & !SHF_STRINGS) *(${name})`);
  });
  return [
    "/* Made by jettison for this link. */",
    "SECTIONS",
    "{",
    // ld writes the relocations of an object when it comes to the first section of it, and sorts those of each output section by
    // insertion. Every object that gas made has .data, so with .data first the objects come in their order, and nothing has to be
    // sorted. With a region first, which few objects have, a kernel of 2,400 objects took twice the time.
    rule(".data.rel.ro.c_jump_table", "*(.data.rel.ro.c_jump_table)"),
    rule(".data.rel.ro", "*(.data.rel.ro .data.rel.ro.*)"),
    rule(".data", `*(${merged("data")})`),
    ...regions.map(regionRule),
    ...namedText.map((name) => rule(`.text.${name}`, `*(.text.${name} .text.${name}.*)`)),
    ...keptText.map((name) => {
      const section = `.text.${name}`;
      const made = constructors[name];
      return rule(section, `*(${section}${made === undefined ? "" : ` ${section}${made}`})`);
    }),
    rule(fillerSection, `*(${fillerSection})`),
    rule(".text", `*(${merged("text")})`),
    ...strings,
    ...constants,
    rule(".rodata", `INPUT_SECTION_FLAGS (!SHF_MERGE) *(${merged("rodata")})`),
    rule(".bss", `*(${merged("bss")})`),
    "}",
    "",
  ].join("\n");
}

function regionRule(region: Region): string {
  const section = regionSection(region);
  return [
    `\t${section} : ALIGN(${pageSize})`,
    "\t{",
    `\t\t${regionStart(region)} = .;`,
    `\t\t. += ${guardBytes};`,
    `\t\t*(${section})`,
    `\t\t. += ${guardBytes};`,
    `\t\t. = ALIGN(${pageSize});`,
    `\t\t${regionEnd(region)} = .;`,
    `\t} = ${fill}`,
  ].join("\n");
}
