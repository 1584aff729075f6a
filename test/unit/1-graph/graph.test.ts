// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import {
  countReferences,
  describeEdge,
  type Graph,
  indexIncoming,
  referenceKind,
  sectionOf,
  sourceOf,
} from "../../../src/1-graph/graph.js";
import { graphOf } from "../../support/compile.js";

/** Edges as `.text.f -branch-> .text.g+0`, sorted. */
function edgesOf(graph: Graph): string[] {
  const kinds = Object.keys(referenceKind);
  return [...graph.edgeTo.keys()]
    .filter((edge) => graph.edgeTo[edge]! >= 0)
    .map((edge) => {
      const { from, to, kind, targetOffset } = describeEdge(graph, edge);
      return `${sectionOf(graph, from).name} -${kinds[kind]}-> ${sectionOf(graph, to).name}+${targetOffset}`;
    })
    .sort();
}

test("branches, addresses and data are told apart, whatever relocation the compiler chose", () => {
  const graph = graphOf({
    "a.S": `
      .section .text.f, "ax"
      f:  call g
          jmp g
          je g
          call .text.h + 2
          lea g(%rip), %rax
          mov $g, %rax
          movq $g, pointer(%rip)
          mov word(%rip), %eax
          cmpl $7, word(%rip)
          lea word(%rip), %r9
          mov $word, %edi
          vmovd word(%rip), %xmm9
          ret
      .section .text.g, "ax"
      .globl g
      g:  ret
      .section .text.h, "ax"
          nop
          nop
      h:  ret
      .section .data.pointer, "aw"
      .globl pointer
      pointer: .quad g
               .long g - .
               .quad word
      .section .data.word, "aw"
      word: .long 1`,
  });
  expect(edgesOf(graph)).toEqual(
    [
      ".data.pointer -address-> .text.g+0",
      ".data.pointer -address-> .text.g+0",
      ".text.f -address-> .text.g+0",
      ".text.f -address-> .text.g+0",
      ".text.f -address-> .text.g+0",
      ".text.f -branch-> .text.g+0",
      ".text.f -branch-> .text.g+0",
      ".text.f -branch-> .text.g+0",
      ".text.f -branch-> .text.h+2",
      // The trailing immediate moves the place that a data reference seems to mean; the unit stays right.
      ".text.f -data-> .data.pointer+-4",
      ".text.f -data-> .data.word+0",
      ".text.f -data-> .data.word+0",
      ".text.f -address-> .data.word+0",
      ".text.f -address-> .data.word+0",
      ".data.pointer -address-> .data.word+0",
      ".text.f -data-> .data.word+-1",
    ].sort(),
  );
});

test("strong beats weak, also for the object that has the weak one", () => {
  const graph = graphOf({
    "a.c": "__attribute__((weak)) int f(void) { return 1; } int g(void) { return f(); }",
    "b.c": "int f(void) { return 2; }",
  });
  const edge = [...graph.edgeTo.keys()].find(
    (one) => sectionOf(graph, sourceOf(graph, one)).name === ".text.g",
  )!;
  expect(graph.objects[graph.unitObject[graph.edgeTo[edge]!]!]!.file).toBe("b.o");
});

test("a reference outside an object is still one to it", () => {
  const graph = graphOf({
    "a.c": `
      static const int before[1] = { 1 };
      static const int table[4] = { 1, 2, 3, 4 };
      static const int after[1] = { 1 };
      const int *below(void) { return table - 30; }
      const int *above(void) { return table + 4; }
      int use(int x) { return before[x] + table[x] + after[x]; }`,
  });
  for (const edge of graph.edgeTo.keys()) {
    const from = sectionOf(graph, sourceOf(graph, edge)).name;
    if (from === ".text.below" || from === ".text.above")
      expect(sectionOf(graph, graph.edgeTo[edge]!).name).toBe(".rodata.table");
  }
});

test("every relocation is an edge or a reasoned exclusion", () => {
  const graph = graphOf({
    "a.c": `
      extern int linker_defined[];
      extern __attribute__((weak)) int optional(void);
      __attribute__((noipa)) int f(void) { return linker_defined[0] + (optional ? optional() : 0); }
      int g(void) { return f() + 1; }`,
    "b.S": `
      .set fixed, 0x1234
      .globl fixed
      .data
      .quad fixed
      .reloc ., R_X86_64_NONE, fixed`,
    "c.S": ".data\n.quad fixed",
  });
  const counts = countReferences(graph);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(graph.edgeTo.length);
  expect(counts["linker-defined"]).toBeGreaterThan(0);
  expect(counts["weak-undefined"]).toBeGreaterThan(0);
  expect(counts.absolute).toBeGreaterThan(0);
  expect(counts.branch).toBe(1);
});

test("incoming edges are the outgoing ones turned round, and each edge knows its unit", () => {
  const graph = graphOf({
    "a.c": "int f(int x); int g(int x) { return f(x) + f(x + 1); } int h(int x) { return f(g(x)); }",
    "b.c": "int f(int x) { return x; } int unrelated(void) { return 0; }",
  });
  const { first, edges } = indexIncoming(graph);
  for (let unit = 0; unit < graph.unitCount; unit++) {
    for (let edge = graph.firstEdge[unit]!; edge < graph.firstEdge[unit + 1]!; edge++)
      expect(sourceOf(graph, edge)).toBe(unit);
    for (const edge of edges.subarray(first[unit], first[unit + 1])) expect(graph.edgeTo[edge]).toBe(unit);
  }
  expect(edges.length).toBe([...graph.edgeTo].filter((to) => to >= 0).length);
});

test("an unknown relocation type is an error with its place", () => {
  expect(() =>
    graphOf({ "a.S": ".text\nnop\n.data\n.globl x\nx: .reloc ., R_X86_64_GOTPCREL, x\n.long 0" }),
  ).toThrow(/a\.o:\(\.data\)\+0x0: relocation type 9 against x/);
});
