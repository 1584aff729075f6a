// SPDX-License-Identifier: Apache-2.0
/** Built-in drivers as components of a link: which ones, and what the kernel is told of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLinkFolder, wasAutomatic } from "../../../src/8-link/record.js";
import { planBuild } from "../../../src/passes.js";
import { readPlan } from "../../../src/plan/readPlan.js";
import { writeFiles } from "../../support/compile.js";
import { buildMiniKernel, jettison, readCase, runLinker, useMiniKernel } from "../../support/miniature.js";

const header = `
  #define INIT(level, fn) asm(".section .initcall" #level ".init, \\"a\\"\\n.long " #fn " - .\\n.previous");
  #define EXIT(fn) static void (*exit_##fn)(void) __attribute__((used, section(".exitcall.exit"))) = fn;
  struct driver { int (*probe)(void); };
  int __pci_register_driver(struct driver *); void pci_unregister_driver(struct driver *);
  int __serio_register_driver(struct driver *); void serio_unregister_driver(struct driver *);
`;

interface Shape {
  readonly bytes?: number;
  readonly level?: number;
  readonly more?: string;
  readonly registers?: string;
  readonly undoes?: string;
}

const driver = (name: string, shape: Shape = {}) => {
  const { bytes = 9000, level = 6, more = "" } = shape;
  const { registers = "__pci_register_driver", undoes = "pci_unregister_driver" } = shape;
  return {
    [`drivers/${name}.c`]: `${header}
      static const char info[] __attribute__((used, section(".modinfo"))) = "${name}.license=GPL\\0" "${name}.file=drivers/${name}";
      static int ${name}_probe(void) { asm volatile(".skip ${bytes}, 0x90"); return 0; }
      static struct driver ${name}_driver = { ${name}_probe };
      ${more}
      __attribute__((section(".init.text"), used)) static int ${name}_start(void) { return ${registers}(&${name}_driver); }
      __attribute__((section(".exit.text"), used)) static void ${name}_stop(void) { ${undoes}(&${name}_driver); }
      INIT(${level}, ${name}_start) EXIT(${name}_stop)`,
    [`drivers/.${name}.o.cmd`]: `cmd := gcc -DKBUILD_MODFILE='"drivers/${name}"'\n`,
  };
};

const script = `
SECTIONS
{
  . = 0xffffffff81000000;
  _text = .; _stext = .;
  .text : { *(.text .text.[_a-zA-Z0-9]*) *(.ref.text) . = ALIGN(4096); *(SORT_BY_NAME(.text..jettison.*)) } = 0xcccccccc
  _etext = .;
  . = ALIGN(0x10000); __start_rodata = .;
  .rodata : { *(.rodata .rodata.[_a-zA-Z0-9]* .modinfo) }
  __end_rodata = .;
  . = ALIGN(4096); .jettison.rodata : { *(SORT_BY_NAME(.rodata..jettison.*)) }
  . = ALIGN(4096);
  .data : { *(.data .data.[_a-zA-Z0-9]* .data..ro_after_init) }
  . = ALIGN(4096); .jettison.data : { *(SORT_BY_NAME(.data..jettison.*)) }
  . = ALIGN(4096); __init_begin = .;
  .init.text : { *(.init.text) } .exit.text : { *(.exit.text) } .init.data : { *(.initcall*.init) }
  . = ALIGN(4096); __init_end = .;
  .bss : { *(SORT_BY_NAME(.bss..jettison.*)) *(.bss .bss.*) }
  . = ALIGN(4096); _end = .;
  /DISCARD/ : { *(.exitcall.exit .comment .note* .discard.*) }
}
`;

const files = {
  ...driver("late", { registers: "__serio_register_driver", undoes: "serio_unregister_driver" }),
  ...driver("nic", { level: 7 }),
  ...driver("early", { level: 4 }),
  // Too small, called from elsewhere, and one that modules may use.
  ...driver("small", { bytes: 500 }),
  ...driver("called", { more: "int called_for(int x) { return x * 3; }" }),
  ...driver("exporter", {
    more: `int exported(int x) { return x * 3; }
      asm(".section .export_symbol, \\"a\\"\\n__export_symbol_exported: .asciz \\"\\"\\n.balign 8\\n.quad exported\\n.previous");`,
  }),
  "kernel/pci.c": `
    void *registered[8];
    int __pci_register_driver(void *d) { registered[0] = d; return 0; } void pci_unregister_driver(void *d) { registered[0] = 0; }
    int __serio_register_driver(void *d) { registered[1] = d; return 0; } void serio_unregister_driver(void *d) { registered[1] = 0; }
    int called_for(int x); int calls(int x) { return called_for(x) + 1; }`,
  "vmlinux.lds": script,
};

process.env.JETTISON_AUTOMATIC = "1";
const kernel = useMiniKernel(files);

const componentsOf = (build: string) => readPlan(build).components.map(({ name }) => name);

test("drivers of two pages that nothing outside needs are components, in the order of their initcalls", () => {
  expect(componentsOf(kernel())).toEqual(["gadget", "widget", "early", "late", "nic"]);
  const { regions, components } = readPlan(kernel());
  expect(components.map(({ isAutomatic = false }) => isAutomatic)).toEqual([false, false, true, true, true]);
  // All of a driver leaves, however little: what init code registered may not stay behind.
  const kinds = regions.filter(({ owners }) => owners.includes("nic")).map(({ kind }) => kind);
  expect(kinds).toEqual(["text", "data"]);
});

test("the kernel is told their initcalls and exit functions, and whose devices are found late", () => {
  const tables = readFileSync(join(kernel(), ".jettison/tables.S"), "utf8");
  const [, rows] = /jettison_automatic\)\n([\s\S]*?)SYM_DATA_END\(jettison_automatic\)/.exec(tables)!;
  expect(rows!.match(/\.long\t.*/g)).toEqual([".long\t2, 0", ".long\t3, 1", ".long\t4, 0"]);
  const named = [...rows!.matchAll(/\.quad\t(\S+), (\S+)/g)].map(([, ...names]) => names.join(" "));
  expect(named).toEqual(
    ["early", "late", "nic"].map((name) => expect.stringMatching(`${name}_start.* .*${name}_stop`)),
  );
  expect(tables).toMatch(/jettison_nr_automatic[\s\S]*?\.long\t3\n/);
});

test("a plan made anew says the same, and what another version wrote says nothing", async () => {
  const manifests = [join(kernel(), "components.yaml")];
  const names = async (...how: [] | [boolean]) =>
    (await planBuild(kernel(), manifests, ...how)).plan.components.map(({ name }) => name);
  expect(await names()).toEqual(componentsOf(kernel()));
  expect(await names(false)).toEqual(["gadget", "widget"]);
  const { setAside } = await planBuild(kernel(), manifests);
  expect(Object.fromEntries(setAside)).toEqual({
    "drivers/called": "called_for() is called from outside",
    "drivers/exporter": "exports",
    "drivers/small": "less than 8 kB",
  });
  const copy = openLinkFolder(kernel());
  expect(wasAutomatic(copy)).toBe(true);
  const record = readFileSync(copy.at("link.json"), "utf8");
  writeFiles(kernel(), { ".jettison/link.json": '{"version":2,"isAutomatic":true}' });
  expect(wasAutomatic(copy)).toBe(false);
  writeFiles(kernel(), { ".jettison/link.json": record });
});

test("jettison pack counts them, and leaves their regions as they are", () => {
  const boot = (machine: string, kept: readonly string[]) => ({
    ...{ machine, mode: "on", pages: 0, selftest: null },
    components: componentsOf(kernel()).map((component) => {
      const state = kept.includes(component) ? "kept" : "jettisoned";
      return { component, state, reason: "x", bytes: 0 };
    }),
  });
  const pack = (...boots: object[]) => {
    writeFiles(kernel(), { "boots.json": JSON.stringify({ version: 1, boots }) });
    const { stdout, stderr } = jettison(
      kernel(),
      ...["pack", ".", "--components", "components.yaml", "--boots", "boots.json", "--json"],
    );
    expect(stderr).toBe("");
    return JSON.parse(stdout);
  };
  const gone = pack(boot("none", []));
  const kept = pack(boot("nic", ["nic"]));
  const pagesOfNic = readPlan(kernel())
    .regions.filter(({ owners }) => owners.join() === "nic")
    .reduce((sum, { pages }) => sum + pages, 0);
  expect(kept.plain - gone.plain).toBe(4096 * pagesOfNic);
  expect(kept.bound - gone.bound).toBeGreaterThan(9000);
  // They all stay on the same machines, and would share pages if they were of manifests.
  const all = pack(boot("all", componentsOf(kernel())));
  expect(all.packing.together.flat()).not.toEqual(expect.arrayContaining(["nic"]));
  expect([...all.packing.stay, ...all.packing.leave].flatMap((one) => one.of)).not.toContain("nic");
  expect(all.packed).toBeLessThanOrEqual(all.plain);
});

test("a manifest that has an object of a driver, or its name, comes first", () => {
  const described = `${readCase("kernel").files["components.yaml"]}
  nic:
    title: A card
    code: [{ objects: drivers/early.o }]
    inUse: { nonZero: early_driver }
    canAppear: never
`;
  const other = buildMiniKernel({ ...files, "components.yaml": described });
  expect(componentsOf(other)).toEqual(["gadget", "nic", "widget", "late"]);
});

test("without the word there are none, and a final link that lacks it is told that the plan is another's", () => {
  delete process.env.JETTISON_AUTOMATIC;
  const args = ["-T", "vmlinux.lds", "-o", "vmlinux", "--whole-archive", "vmlinux.o", "--no-whole-archive"];
  expect(runLinker(kernel(), args).stderr).toMatch(/\[link-outdated\]/);
  const plain = buildMiniKernel(files);
  expect(componentsOf(plain)).toEqual(["gadget", "widget"]);
});
