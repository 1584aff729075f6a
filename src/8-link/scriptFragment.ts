// SPDX-License-Identifier: Apache-2.0
/**
 * The first idea of "Modularizing IOMMUs": a piece of linker script that names the object files and sections of
 * each component, for people who link by hand. GNU ld and lld take it with `-T` before their own script.
 *
 * It only groups. References from outside still lead into a component directly; `jettison ld` changes that.
 *
 * The script names object files, so it has to be given to the first link that sees them: the `ld -r` of
 * `vmlinux.o`, if the kernel has one. A name begins with `*`, because the name of an archive may precede it, and
 * because GNU ld would open a file by a name without wildcards. No `*` comes right after a `/`, because that would open a comment for the
 * preprocessor, through which a kernel's script goes.
 */

import { type Graph, objectOf, sectionOf } from "../1-graph/graph.js";
import { guardBytes } from "../6-boundary/beside.js";
import type { Region } from "../7-layout/regions.js";
import { pageSize, textFill } from "../x86/x86.js";

export type Linker = "ld" | "lld";

export interface FragmentInputs {
  readonly graph: Graph;
  readonly regions: readonly Region[];
  /** Names of components by their number. */
  readonly components: readonly string[];
  readonly linker: Linker;
}

/** As the kernel's own script has them. */
const fills = {
  text: ` =0x${textFill.toString(16).repeat(4)}`,
  rodata: " =0",
  data: " =0",
  bss: "",
} as const;
const widest = 100;

export function writeFragment({ graph, regions, components, linker }: FragmentInputs): string {
  const nameOf = makeNames();
  const patternOf = makePatterns(graph, linker);
  const lines = ["/* Made by jettison script. It groups components; it puts no gates before them. */"];
  for (const kind of [...new Set(regions.map((region) => region.kind))]) {
    lines.push("SECTIONS", "{");
    for (const region of regions.filter((one) => one.kind === kind)) {
      const owners = region.owners.map((owner) => components[owner]!);
      const name = nameOf(owners, kind);
      lines.push(
        `\t/* ${owners.join(" and ")}: ${region.pages} pages */`,
        `\t.${kind}..jettison.${owners.join(".")} : ALIGN(${pageSize})`,
        "\t{",
        `\t\tPROVIDE_HIDDEN(${name}_start = .);`,
        `\t\t. += ${guardBytes};`,
        ...statements(graph, region, patternOf),
        `\t\t. += ${guardBytes};`,
        `\t\t. = ALIGN(${pageSize});`,
        `\t\tPROVIDE_HIDDEN(${name}_end = .);`,
        `\t}${fills[kind]}`,
      );
    }
    lines.push("}", `INSERT AFTER .${kind};`, "");
  }
  return lines.join("\n");
}

/** `__jettison_amd_vi_text`; if two names would be equal in C, the second gets a number. */
function makeNames(): (owners: readonly string[], kind: string) => string {
  const taken = new Map<string, number>();
  return (owners, kind) => {
    const plain = `__jettison_${owners.join("__").replaceAll("-", "_")}_${kind}`;
    const count = (taken.get(plain) ?? 0) + 1;
    taken.set(plain, count);
    return count === 1 ? plain : `${plain}_${count}`;
  };
}

/** One statement an object, in link order, so that the order in the region is the same. */
function statements(graph: Graph, { units }: Region, patternOf: (file: string) => string): string[] {
  const sectionsByFile = new Map<string, string[]>();
  for (const unit of units) {
    const { file } = objectOf(graph, unit);
    const sections = sectionsByFile.get(file) ?? [];
    sectionsByFile.set(file, sections);
    const { name } = sectionOf(graph, unit);
    if (!sections.includes(name)) sections.push(name);
  }
  return [...sectionsByFile].flatMap(([file, sections]) => wrap(`${patternOf(file)}(`, sections));
}

function wrap(head: string, words: readonly string[]): string[] {
  const lines = [`\t\t${head}`];
  for (const word of words) {
    const line = lines.at(-1)!;
    if (line.endsWith("(")) lines[lines.length - 1] = line + word;
    else if (line.length + word.length < widest) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`\t\t\t${word}`);
  }
  lines[lines.length - 1] += ")";
  return lines;
}

/**
 * How a linker finds an object again. A member of a thin archive has a path of its own, of which lld says the
 * archive's name and a colon before it; of a common archive's member both say `archive:member`.
 */
function makePatterns(graph: Graph, linker: Linker): (file: string) => string {
  const files = graph.objects.map(({ file }) => file);
  return (file) => {
    const member = /^(.*)\((.*)\)$/.exec(file);
    if (member !== null) return `*${member[1]}:${member[2]}`;
    const hasNamesake = files.some((other) => other !== file && other.endsWith(file));
    if (!hasNamesake) return `*${file}`;
    // Another one ends like it, kernel/x.o and arch/x86/kernel/x.o: nothing may come before it.
    return linker === "lld" ? `*:${file}` : file.replace(/.$/, "[$&]");
  };
}
