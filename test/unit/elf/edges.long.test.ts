// SPDX-License-Identifier: Apache-2.0
/** Objects and archives of kinds that are rare in a kernel: each links as it should, or is refused with its place. */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildGraph, countReferences } from "../../../src/1-graph/graph.js";
import { parseLinkArguments } from "../../../src/8-link/arguments.js";
import { loadLinkInputs } from "../../../src/8-link/inputs.js";
import { editObject } from "../../../src/elf/edit.js";
import { copyObject, listObjects, loadFile, loadObject } from "../../../src/elf/load.js";
import { readObject, symbolName } from "../../../src/elf/object.js";
import { command, compileObjects, loadObjects, temporaryFolder } from "../../support/compile.js";
import {
  buildMiniKernel,
  compileSources,
  linker as jettisonLd,
  objectArguments,
  planOf,
  programFlags,
  runLinker,
  runtime,
  sectionsOf,
} from "../../support/miniature.js";

const gib = 2 ** 30;

/** A component of a driver that is called from outside; `gates` may be more than its one. */
const manifestOf = (code: string, gates = "gadget_work: -ENODEV") => `
components:
  gadget:
    title: A gadget
    code: [${code}]
    inUse: { nonZero: gadget_in_use }
    canAppear: never
    gates: { ${gates} }
`;

const gadget = `
  int gadget_in_use;
  int gadget_work(int x) { asm volatile(".skip 700, 0x90"); return x; }`;
const core = `
  #include <stdio.h>
  #include "runtime.h"
  int gadget_work(int x);
  int main(void) { printf("%d ", gadget_work(7)); gone(); printf("%d\\n", gadget_work(7)); return 0; }`;

const flags = [...programFlags, "-ffunction-sections", "-fdata-sections"];

/** Compiles into a new folder; gives it and the objects. */
function compile(files: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  return { folder, objects: compileSources(folder, { ...runtime, ...files }, flags) };
}

const runProgram = (folder: string) => {
  command(folder, "gcc", "-static", "-no-pie", "-o", "program", "vmlinux.o");
  return command(folder, "./program").trim();
};

const shared = (size: number) => `
  .section .text.shared, "axG", @progbits, shared, comdat
  .weak shared
  .type shared, @function
  shared: .skip ${size}, 0x90
  ret
  .size shared, . - shared
  .section .data.of_shared, "awG", @progbits, shared, comdat
  .quad shared`;

test("the first of several COMDAT groups is linked, and references to another get it", () => {
  const { folder, names } = compileObjects({
    "a.S": `${shared(10)}\n .section .text.a, "ax"\n call shared`,
    "b.S": `${shared(20)}\n .section .text.b, "ax"\n call shared`,
  });
  const graph = buildGraph(loadObjects(folder, names));
  const units = Array.from({ length: graph.unitCount }, (_, unit) => unit).map(
    (unit) =>
      `${graph.unitObject[unit]} ${graph.objects[graph.unitObject[unit]!]!.sections[graph.unitSection[unit]!]!.name}`,
  );
  expect(units.filter((name) => /shared/.test(name))).toEqual(["0 .text.shared", "0 .data.of_shared"]);
  const first = units.indexOf("0 .text.shared");
  // Both calls, and the word that is beside the first.
  expect([...graph.edgeTo]).toEqual([first, first, first]);
  expect(countReferences(graph)).toEqual({ branch: 2, address: 1 });
  command(folder, "ld", "-r", "-o", "linked.o", ...names);
  expect(command(folder, "nm", "-S", "linked.o")).toMatch(/0{15}b W shared/);
});

test("a group that leaves lies in its region as a whole, once", () => {
  const table = `
    .section .rodata.shared, "aG", @progbits, shared, comdat
    .weak shared
    .type shared, @object
    shared: .skip 900, 1
    .size shared, . - shared`;
  const { folder, objects } = compile({
    "drivers/gadget.S": table,
    "drivers/other.c": `extern const char shared[]; ${gadget} int gadget_other(int x) { return shared[x]; }`,
    "drivers/twin.S": table,
    "core.c": core,
    "components.yaml": manifestOf("{ objects: drivers/** }"),
  });
  command(folder, "ar", "cDPrST", "vmlinux.a", ...objects);
  const { status, stderr } = runLinker(folder);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(sectionsOf(folder, "vmlinux.o").filter((name) => /shared|group/.test(name))).toEqual([]);
  const region = planOf(folder).regions.find(({ kind }) => kind === "rodata")!;
  expect(region.units).toBe(1);
  expect(command(folder, "nm", "-S", "vmlinux.o")).toMatch(/ 0*384 [VWR] shared/);
  expect(runProgram(folder)).toBe("7 -19");
});

test("a reference into a group that is left out is counted, and the linker's to refuse", () => {
  const { folder, names } = compileObjects({
    "a.S": `.section .text.f, "axG", @progbits, f, comdat\n .globl f\nf: ret`,
    "b.S": `.section .text.f, "axG", @progbits, f, comdat\n .globl f\nf: ret\nlocal: ret\n .data\n .quad local`,
  });
  expect(countReferences(buildGraph(loadObjects(folder, names)))).toEqual({ "left-out": 1 });
  const { status, stderr } = spawnSync("ld", ["-r", "-o", "linked.o", ...names], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(status).not.toBe(0);
  expect(stderr).toMatch(/discarded section/);
});

test("members of a common archive inside a thin one are found where they lie", () => {
  const { folder, objects } = compile({
    "drivers/gadget.c": gadget,
    "drivers/with_a_rather_long_name.c": "int gadget_other(void) { return 2; }",
    "core.c": core,
    "components.yaml": manifestOf("{ objects: drivers/** }"),
  });
  const inner = objects.filter((name) => name.startsWith("drivers/"));
  command(folder, "ar", "cDPr", "drivers/lib.a", ...inner);
  const others = objects.filter((name) => !name.startsWith("drivers/"));
  command(folder, "ar", "cDPrST", "vmlinux.a", others[0]!, "drivers/lib.a", ...others.slice(1));
  const listed = listObjects(join(folder, "vmlinux.a")).map(({ name }) => name.slice(folder.length + 1));
  expect(listed).toEqual([others[0], ...inner.map((name) => `drivers/lib.a(${name})`), ...others.slice(1)]);
  const { status, stderr } = runLinker(folder);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(planOf(folder).regions).toHaveLength(1);
  expect(runProgram(folder)).toBe("7 -19");
});

test("a common archive inside a thin one that has changed since is refused by name", () => {
  const { folder, names } = compileObjects({ "a.c": "int a;", "b.c": "int b[500] = { 1 };" });
  command(folder, "ar", "cDPr", "inner.a", ...names);
  command(folder, "ar", "cDPrST", "thin.a", "inner.a");
  command(folder, "ar", "cDPr", "new.a", names[1]!, names[0]!);
  copyFileSync(join(folder, "new.a"), join(folder, "inner.a"));
  expect(() => listObjects(join(folder, "thin.a"))).toThrow(/inner\.a\+0x[0-9a-f]+: .*archive-malformed/s);
});

test("two members of one name in a common archive stay two when both change", () => {
  const { folder, objects } = compile({
    "one/same.c": gadget,
    "two/same.c": 'int gadget_second(int x) { asm volatile(".skip 700, 0x90"); return x + 1; }',
    "core.c": `
      #include <stdio.h>
      #include "runtime.h"
      int gadget_work(int x); int gadget_second(int x);
      int main(void)
      {
        printf("%d %d ", gadget_work(7), gadget_second(7));
        gone();
        printf("%d %d\\n", gadget_work(7), gadget_second(7));
        return 0;
      }`,
    "components.yaml": manifestOf(
      '{ objects: "vmlinux.a(same.o)" }',
      "gadget_work: -ENODEV, gadget_second: -5",
    ),
  });
  // The tables are an object of their own: they are found by their path.
  const inside = objects.filter((name) => !name.endsWith("tables.o"));
  command(folder, "ar", "cDqS", "vmlinux.a", ...inside);
  const { status, stderr } = runLinker(folder, [...objectArguments, "kernel/jettison/tables.o"]);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(runProgram(folder)).toBe("7 8 -19 -5");
});

test("an archive that is not called one is refused by name", () => {
  const { folder, names } = compileObjects({ "a.c": "int a;" });
  command(folder, "ar", "cDPr", "archive.o", ...names);
  expect(() => loadLinkInputs(".", parseLinkArguments(["-r", join(folder, "archive.o")]))).toThrow(
    /archive\.o: .*does not end in \.a.*elf-unsupported/s,
  );
});

test("names that are not ASCII go from manifests and paths into the kernel", () => {
  const { folder, objects } = compile({
    "treiber/gerät.c": `
      int gerät_in_use;
      static int größe(int x) { return x * 3; }
      int gerät_work(int x) { asm volatile(".skip 700, 0x90"); return größe(x); }
      int (*gerät_pointer(void))(int) { return größe; }`,
    "core.c": `
      #include <stdio.h>
      #include "runtime.h"
      int gerät_work(int x); int (*gerät_pointer(void))(int);
      int (*held)(int);
      int main(void)
      {
        held = gerät_pointer();
        printf("%d %d ", gerät_work(7), held(7));
        gone();
        printf("%d\\n", gerät_work(7));
        return 0;
      }`,
    "components.yaml": `
components:
  gadget:
    title: Ein Gerät
    code: [{ objects: treiber/gerät.o }]
    inUse: { nonZero: gerät_in_use }
    canAppear: never
    gates: { gerät_work: -ENODEV, größe: -5, gerät_pointer: null }
`,
  });
  command(folder, "ar", "cDPrST", "vmlinux.a", ...objects);
  const { status, stderr } = runLinker(folder);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(planOf(folder).gates.map((gate) => [gate.function, gate.object])).toContainEqual([
    "gerät_work",
    "treiber/gerät.o",
  ]);
  expect(runProgram(folder)).toBe("21 21 -19");
});

test("a name that is no UTF-8 is refused with its place", () => {
  const { folder } = compileObjects({ "a.c": "int abcdef;" });
  const bytes = readFileSync(join(folder, "a.o"));
  bytes[bytes.indexOf("abcdef\0")] = 0xe4;
  const object = readObject("a.o", bytes);
  const last = Array.from({ length: object.symbols.count }, (_, symbol) => symbol).at(-1)!;
  expect(() => symbolName(object, last)).toThrow(/a\.o:\(\.strtab\)\+0x[0-9a-f]+: .*UTF-8.*elf-malformed/s);
  command(folder, "ar", "cDPr", "a.a", "a.o");
  const archive = readFileSync(join(folder, "a.a"));
  archive[archive.indexOf("a.o/")] = 0xe4;
  writeFileSync(join(folder, "a.a"), archive);
  expect(() => listObjects(join(folder, "a.a"))).toThrow(/a\.a\+0x[0-9a-f]+: .*UTF-8.*archive-malformed/s);
});

/** The object, with its section headers behind a hole. */
function stretch(folder: string, name: string, size: number): void {
  const bytes = readFileSync(join(folder, name));
  const headers = bytes.subarray(Number(bytes.readBigUInt64LE(40)));
  bytes.writeBigUInt64LE(BigInt(size), 40);
  const descriptor = openSync(join(folder, name), "w");
  writeSync(descriptor, bytes, 0, bytes.length, 0);
  writeSync(descriptor, headers, 0, headers.length, size);
  closeSync(descriptor);
}

test("an object of 2.5 GiB is read", () => {
  const { folder } = compileObjects({ "a.c": "int a = 1;" });
  stretch(folder, "a.o", 2.5 * gib);
  const object = loadObject("a.o", join(folder, "a.o"));
  expect(object.sections.map(({ name }) => name)).toContain(".data.a");
  expect(object.bytes.byteLength).toBeLessThan(2 ** 20);
});

test("an object of 4.5 GiB is read, changed and linked", { timeout: 300_000 }, () => {
  const size = 4.5 * gib;
  const { folder, objects } = compile({
    "drivers/gadget.c": gadget,
    "core.c": core,
    "components.yaml": manifestOf("{ objects: drivers/gadget.o }"),
  });
  stretch(folder, "drivers/gadget.o", size);
  const object = loadObject("gadget.o", join(folder, "drivers/gadget.o"));
  expect(object.content.size).toBeGreaterThan(size);
  expect(object.bytes.byteLength).toBeLessThan(2 ** 20);
  command(folder, "ar", "cDPrST", "vmlinux.a", ...objects);
  const { status, stderr } = runLinker(folder);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(runProgram(folder)).toBe("7 -19");
  // A hole of the object is a hole of the changed copy.
  const index = objects.indexOf("drivers/gadget.o");
  const copy = statSync(join(folder, `.jettison/objects/${index}/gadget.o`));
  expect(copy.size).toBeGreaterThan(size);
  expect(copy.blocks * 512).toBeLessThan(64 * 2 ** 20);
});

test("members of an archive of more than 4 GiB are read and copied", { timeout: 120_000 }, () => {
  const { folder } = compileObjects({
    "a.c": "int large = 1;",
    "b.c": "extern int other; int small = 2; int *p = &other;",
  });
  stretch(folder, "a.o", 4.5 * gib);
  const sizes = ["a.o", "b.o"].map((name) => statSync(join(folder, name)).size);
  const header = (name: string, bytes: number) =>
    `${`${name}/`.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"644".padEnd(8)}${String(bytes).padEnd(10)}\`\n`;
  const path = join(folder, "huge.a");
  const descriptor = openSync(path, "w");
  let at = writeSync(descriptor, `!<arch>\n${header("a.o", sizes[0]!)}`);
  const copyInto = (name: string, from: number, size: number) => {
    const source = openSync(join(folder, name), "r");
    const bytes = Buffer.alloc(size);
    readSync(source, bytes, 0, size, from);
    closeSync(source);
    writeSync(descriptor, bytes, 0, size, at + from);
  };
  // Its two ends; what is between them is a hole.
  copyInto("a.o", 0, 4096);
  copyInto("a.o", 4.5 * gib, sizes[0]! - 4.5 * gib);
  at += sizes[0]! + (sizes[0]! & 1);
  const second = writeSync(descriptor, header("b.o", sizes[1]!), at);
  at += second;
  copyInto("b.o", 0, sizes[1]!);
  closeSync(descriptor);

  expect(command(folder, "ar", "t", "huge.a")).toBe("a.o\nb.o\n");
  const listed = listObjects(path);
  expect(listed.map(({ source }) => source.size)).toEqual(sizes);
  const [large, small] = listed.map(({ name, source }) => loadObject(name, source));
  expect([large, small].map((one) => symbolName(one!, one!.symbols.count - 1))).toEqual(["large", "small"]);
  expect(buildGraph([small!]).edgeTo).toHaveLength(1);
  copyObject(listed[1]!.source, join(folder, "copy.o"));
  expect(readFileSync(join(folder, "copy.o"))).toEqual(readFileSync(join(folder, "b.o")));
});

test("an input that is needed at once and is too large is refused, not tried", () => {
  const folder = temporaryFolder();
  const descriptor = openSync(join(folder, "huge"), "w");
  ftruncateSync(descriptor, 5 * gib);
  closeSync(descriptor);
  expect(() => loadFile(join(folder, "huge"))).toThrow(
    /huge cannot be read: 5368709120 bytes.*file-unreadable/s,
  );
});

test("exports and functions may be called like what every object of JavaScript has", () => {
  const folder = buildMiniKernel({
    "lib/odd.c": `
      int constructor(int x) { return x + 1; }
      int toString(int x) { return x + 2; }
      int __proto__(int x) { return x + 3; }`,
  });
  // As the kernel's export table does, which joins the final link only.
  writeFileSync(
    join(folder, "export.S"),
    `.section .export, "a"\n${["constructor", "toString", "__proto__", "hasOwnProperty_"]
      .map((name) => `.weak ${name}\n.quad ${name}`)
      .join("\n")}`,
  );
  command(folder, "gcc", "-c", "-o", "export.o", "export.S");
  const whole = ["--whole-archive", "vmlinux.o", "export.o", "--no-whole-archive"];
  const final = ["-m", "elf_x86_64", "-z", "noexecstack", "-T", "vmlinux.lds", "-o", "vmlinux", ...whole];
  const { status, stderr } = runLinker(folder, final);
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

test("gates may be called like what every object of JavaScript has", () => {
  const odd = ["constructor", "toString", "valueOf"];
  const { folder, objects } = compile({
    "drivers/gadget.c": `${gadget}
      ${odd.map((name) => `int ${name}(int x) { asm volatile(".skip 700, 0x90"); return x; }`).join("\n")}`,
    "core.c": `
      #include <stdio.h>
      #include "runtime.h"
      ${odd.map((name) => `int ${name}(int x);`).join(" ")}
      int main(void) { gone(); printf("${odd.map(() => "%d").join(" ")}\\n", ${odd.map((name) => `${name}(7)`).join(", ")}); return 0; }`,
    "components.yaml": manifestOf(
      "{ objects: drivers/gadget.o }",
      odd.map((name, index) => `${name}: -${index + 1}`).join(", "),
    ),
  });
  command(folder, "ar", "cDPrST", "vmlinux.a", ...objects);
  const { status, stderr } = runLinker(folder);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(runProgram(folder)).toBe("-1 -2 -3");
});

test("functions whose names a number makes alike get gates of their own", () => {
  const { folder, objects } = compile({
    "drivers/a.c": `${gadget}
      static int work(int x) { asm volatile(".skip 700, 0x90"); return x; } int (*work_a)(int) = work;`,
    "drivers/b.c": `
      static int work(int x) { asm volatile(".skip 700, 0x90"); return x; } int (*work_b)(int) = work;
      int work_2(int x) { asm volatile(".skip 700, 0x90"); return x; }`,
    "core.c": `
      #include <stdio.h>
      #include "runtime.h"
      extern int (*work_a)(int), (*work_b)(int); int work_2(int x);
      int main(void) { gone(); printf("%d %d %d\\n", work_a(7), work_b(7), work_2(7)); return 0; }`,
    "components.yaml": manifestOf("{ objects: drivers/** }", "work: -1, work_2: -2, gadget_work: -3"),
  });
  command(folder, "ar", "cDPrST", "vmlinux.a", ...objects);
  const { status, stderr } = runLinker(folder);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(runProgram(folder)).toBe("-1 -1 -2");
});

test("a linker that cannot start, or is killed, is named with its command", () => {
  const { folder, objects } = compile({
    "drivers/gadget.c": gadget,
    "core.c": core,
    "components.yaml": manifestOf("{ objects: drivers/gadget.o }"),
  });
  command(folder, "ar", "cDPrST", "vmlinux.a", ...objects);
  writeFileSync(join(folder, "killed"), "#!/bin/sh\nkill -9 $$\n", { mode: 0o755 });
  writeFileSync(join(folder, "plain"), "no program\n", { mode: 0o644 });
  mkdirSync(join(folder, "directory"));
  const run = (linker: string) =>
    spawnSync(jettisonLd, objectArguments, {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, JETTISON_COMPONENTS: "components.yaml", JETTISON_LD: linker },
    });
  for (const linker of ["./gone", "./plain", "./directory"]) {
    const { status, stderr } = run(linker);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      new RegExp(`${linker} .*-o vmlinux\\.o.* could not be started: .*command-failed`, "s"),
    );
  }
  const { status, stderr } = run("./killed");
  expect(status).toBe(2);
  expect(stderr).toMatch(/\.\/killed .* was ended by SIGKILL .*command-failed/s);
});

test("an edit of an object that was not read as a whole is that of the whole", () => {
  const { folder } = compileObjects(
    { "a.c": `int used(void); int use(void) { return used(); }\n${"struct s { int a; } v; ".repeat(1)}` },
    ["-ffunction-sections", "-g3"],
  );
  const path = join(folder, "a.o");
  stretch(folder, "a.o", 300_000);
  const change = (object: ReturnType<typeof readObject>) => {
    const graph = buildGraph([object]);
    const editor = editObject(object);
    editor.renameSection(
      object.sections.findIndex(({ name }) => name === ".text.use"),
      ".text..moved",
    );
    const gate = editor.addSymbol({ name: "gate", section: 0, type: 0, visibility: 0, value: 0, size: 0 });
    for (const at of graph.edgeAt) editor.retarget(at, gate, -4);
    for (let symbol = 1; symbol < object.symbols.count; symbol++)
      if (symbolName(object, symbol) === "used") editor.renameSymbol(symbol, "renamed");
    return editor;
  };
  const partial = loadObject("a.o", path);
  expect(partial.bytes.byteLength).toBeLessThan(partial.content.size);
  const expected = change(readObject("a.o", readFileSync(path))).finish();
  expect(change(partial).finish()).toEqual(expected);
  expect(change(partial).write(join(folder, "b.o"))).toBe(expected.byteLength);
  expect(readFileSync(join(folder, "b.o"))).toEqual(expected);
  expect(command(folder, "nm", "b.o")).toMatch(/U gate[\s\S]*U renamed/);
});
