// SPDX-License-Identifier: Apache-2.0
/** Which file of the sources imports which: no circles, and the proof shares the ELF reader alone with the rest. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../src/root.js";

const source = join(projectRoot, "src");

/** The imports of each file, types too: our own files by their path in `src`, packages by name. */
function readImports(): ReadonlyMap<string, readonly string[]> {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((one) =>
    one.endsWith(".ts"),
  );
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(source, file), "utf8");
      const named = text.matchAll(
        /^(?:(?:(?:import|export)\b[^;"]*|\}) from|import) "([^"]+)";|\bimport\("([^"]+)"\)/gm,
      );
      return [
        file,
        [...named].map(([, first, second]) => {
          const name = (first ?? second)!;
          return name.startsWith(".")
            ? relative(source, join(source, dirname(file), name.replace(/\.js$/, ".ts")))
            : name;
        }),
      ];
    }),
  );
}

/** A circle of vertices, each of which leads to the next; undefined: there is none. */
function findCircle(edges: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const isDone = new Set<string>();
  const visit = (vertex: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(vertex)) return [...path.slice(path.indexOf(vertex)), vertex];
    if (isDone.has(vertex)) return undefined;
    for (const next of edges.get(vertex) ?? []) {
      const circle = visit(next, [...path, vertex]);
      if (circle !== undefined) return circle;
    }
    isDone.add(vertex);
    return undefined;
  };
  for (const vertex of edges.keys()) {
    const circle = visit(vertex, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

const imports = readImports();

/** A file beside the folders counts as one. */
const folderOf = (file: string) => file.split("/")[0]!;

test("every import is seen", () => {
  expect(imports.get("cli/program.ts")).toEqual(
    expect.arrayContaining(["node:fs", "commander", "cli/ld.ts"]),
  );
  expect(imports.get("cli/ld.ts")).toContain("passes.ts");
  for (const [file, names] of imports)
    for (const name of names.filter((one) => one.endsWith(".ts")))
      expect([file, [...imports.keys()]]).toEqual([file, expect.arrayContaining([name])]);
});

test("a circle is found", () => {
  const edges = new Map([
    ["a", ["b"]],
    ["b", ["c", "d"]],
    ["c", []],
    ["d", ["b"]],
  ]);
  expect(findCircle(edges)).toEqual(["b", "d", "b"]);
});

test("no file imports itself by way of others", () => {
  expect(findCircle(imports)).toBeUndefined();
});

test("no folder reaches back to one that reaches it", () => {
  const folders = new Map<string, string[]>();
  for (const [file, names] of imports) {
    const own = folderOf(file);
    const others = names.filter((one) => imports.has(one)).map(folderOf);
    folders.set(own, [...(folders.get(own) ?? []), ...others.filter((one) => one !== own)]);
  }
  expect(findCircle(folders)).toBeUndefined();
});

test("a pass imports no later one, but for the form of the claims that the proof reads", () => {
  const numberOf = (file: string) => Number(/^(\d)-/.exec(file)?.[1]);
  const later = [...imports].flatMap(([file, names]) =>
    names.filter((one) => numberOf(one) > numberOf(file)).map((one) => `${file}: ${one}`),
  );
  expect([...imports.keys()].filter((file) => numberOf(file) === 9).length).toBeGreaterThan(5);
  expect(later.filter((one) => !/^8-link\/\w+\.ts: 9-verify\/claims\.ts$/.test(one))).toEqual([]);
  const above = [...imports].flatMap(([file, names]) =>
    numberOf(file) > 0 && names.includes("passes.ts") ? [file] : [],
  );
  expect(above).toEqual([]);
});

test("what is known of x86 is asked of one file", () => {
  const beside = [...imports].flatMap(([file, names]) =>
    file.startsWith("x86/") ? [] : names.filter((one) => one.startsWith("x86/") && one !== "x86/x86.ts"),
  );
  expect(beside).toEqual([]);
  expect(imports.get("1-graph/graph.ts")).toContain("x86/x86.ts");
});

test("the proof knows the ELF reader, its messages, and nothing else", () => {
  const used = [...imports].flatMap(([file, names]) => (file.startsWith("9-verify/") ? names : []));
  const strange = used.filter((one) => !/^(node:|9-verify\/|elf\/|x86\/|diagnostics\.ts$)/.test(one));
  expect(strange).toEqual([]);
  const below = [...imports].flatMap(([file, names]) =>
    /^(elf\/|x86\/|diagnostics)/.test(file) ? names : [],
  );
  expect(below.filter((one) => !/^(node:|elf\/|x86\/|diagnostics\.ts$)/.test(one))).toEqual([]);
});

test("no module asks for the working directory, or changes it", () => {
  const asking = [...imports.keys()].filter((file) =>
    /process\.(cwd|chdir)\b/.test(readFileSync(join(source, file), "utf8")),
  );
  expect(asking).toEqual([]);
});
