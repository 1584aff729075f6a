// SPDX-License-Identifier: Apache-2.0
/** Which built-in modules can leave like a module, told by their compiled objects alone; and the command that says so. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { classifyUnits } from "../../../src/2-catalogue/classify.js";
import { type ClassifiedModule, classifyModules, describeObstacle } from "../../../src/4-builtin/classify.js";
import { findModules, readModfiles } from "../../../src/4-builtin/modules.js";
import { findRegistrar, isHarmless, registrars } from "../../../src/4-builtin/registrars.js";
import { registrarsMarkdown } from "../../../src/report/modulesText.js";
import { projectRoot } from "../../../src/root.js";
import {
  command,
  compileObjects,
  graphOf,
  loadObjects,
  temporaryFolder,
  writeFiles,
} from "../../support/compile.js";

/** As include/linux/init.h and module.h have it, as far as objects show it. */
const moduleHeader = `
  #define __init __attribute__((section(".init.text"), used, noinline))
  #define __exit __attribute__((section(".exit.text"), noinline))
  #define INIT(level, fn) asm(".section .initcall" #level ".init, \\"a\\"\\n.long " #fn " - .\\n.previous");
  #define EXIT(fn) static void (*exit_##fn)(void) __attribute__((used, section(".exitcall.exit"))) = fn;
  #define MODULE(name, path) static const char file_##name[] __attribute__((used, section(".modinfo"))) = \\
    #name ".license=GPL\\0" #name ".file=" path;
  struct driver { int (*probe)(void); };
  int __pci_register_driver(struct driver *); void pci_unregister_driver(struct driver *);
  int misc_register(void *); void misc_deregister(void *); int class_register(void *); void class_unregister(void *);
  int _printk(const char *, ...); int ask_firmware(void);
`;

/** The kernel's part of it: functions that are reached have to be somewhere. */
const kernel = `
  int acpi_disabled, secret;
  int __pci_register_driver(void *d) { return !d; } void pci_unregister_driver(void *d) { }
  int misc_register(void *d) { return !d; } void misc_deregister(void *d) { }
  int class_register(void *c) { return !c; } void class_unregister(void *c) { }
  int _printk(const char *f, ...) { return 0; } int ask_firmware(void) { return secret; }
`;

const driver = (name: string, body: string, exit = "pci_unregister_driver(&own);") => `
  ${moduleHeader}
  MODULE(${name}, "drivers/${name}")
  extern int acpi_disabled, secret;
  static int probe(void) { return ask_firmware(); }
  static struct driver own = { probe };
  static __init int set_up(void) { ${body} }
  static __exit void leave(void) { ${exit} }
  INIT(6, set_up) EXIT(leave)`;

function classify(
  files: Readonly<Record<string, string>>,
  modfiles: Readonly<Record<string, string[]>> = {},
): ReadonlyMap<string, ClassifiedModule> {
  const graph = graphOf({ ...files, "kernel.c": kernel });
  const pathsOf = (file: string) => modfiles[file] ?? [`drivers/${file.replace(/\.o$/, "")}`];
  const found = classifyModules(graph, classifyUnits(graph), pathsOf);
  return new Map(found.map((one) => [one.name, one]));
}

const verdict = ({ obstacle }: ClassifiedModule) =>
  obstacle === undefined ? undefined : describeObstacle(obstacle);

test("a module is automatic when its exit undoes what its init registers, helpers of its own included", () => {
  const found = classify({
    "nic.c": driver("nic", "if (acpi_disabled) return -19; _printk(0); return __pci_register_driver(&own);"),
    "card.c": driver(
      "card",
      "return misc_register(&own) || __pci_register_driver(&own);",
      "pci_unregister_driver(&own); misc_deregister(&own);",
    ),
    "split.c": `${driver("split", "return start();", "stop();").replace(
      "static __init int set_up",
      `static int __attribute__((noinline)) start(void) { return __pci_register_driver(&own); }
       static void __attribute__((noinline)) stop(void) { pci_unregister_driver(&own); }
       static __init int set_up`,
    )}`,
  });
  expect([...found.values()].map(verdict)).toEqual([undefined, undefined, undefined]);
  expect(found.get("nic")!.class).toBe("driver");
  expect(found.get("nic")!.registrars.map(({ what }) => what)).toEqual(["PCI driver"]);
  expect(found.get("nic")!.hooks.initcalls.map(({ name }) => name)).toEqual(["set_up"]);
  expect(found.get("nic")!.bytes.data).toBe(8);
  // One device that user space asks for by name makes a feature of it.
  expect(found.get("card")!.class).toBe("feature");
});

test("whatever else init code reaches stands in the way, and is named", () => {
  const found = classify({
    "asks.c": driver("asks", "ask_firmware(); return __pci_register_driver(&own);"),
    "writes.c": driver("writes", "secret = 1; return __pci_register_driver(&own);"),
    "hands.c": driver("hands", "return __pci_register_driver((void *)ask_firmware);"),
    "forgets.c": driver(
      "forgets",
      "return __pci_register_driver(&own) || misc_register(&own);",
      "misc_deregister(&own);",
    ),
    "option.c": `${driver("option", "return __pci_register_driver(&own);")}
      static const char *setup __attribute__((used, section(".init.setup"))) = "option=";`,
    "twice.c": `${driver("twice", "return __pci_register_driver(&own);")}
      static __init int more(void) { return class_register(0); } INIT(7, more)`,
    "half.c": driver("half", "return __pci_register_driver(&own) || __pci_register_driver(&own + 1);"),
    "table.c": `${driver("table", "return __pci_register_driver(&own);")}
      static void *later __attribute__((used, section("__earlycon_table"))) = set_up;`,
    "points.c": driver("points", "return __pci_register_driver(&own) || own.probe();"),
    "jumps.c": driver("jumps", "if (__pci_register_driver(&own)) return -1; return own.probe();"),
    "nameless.c": `${driver("nameless", 'asm volatile("call hidden"); return __pci_register_driver(&own);')}
      asm(".section .text.nameless, \\"ax\\"\\nhidden: jmp ask_firmware\\n.previous");`,
    "stays.c": driver("stays", "return __pci_register_driver(&own);").replace("EXIT(leave)", ""),
  });
  expect(verdict(found.get("asks")!)).toBe("its init code reaches ask_firmware()");
  expect(verdict(found.get("writes")!)).toBe("its init code refers to secret");
  expect(verdict(found.get("hands")!)).toBe("its init code reaches ask_firmware()");
  expect(verdict(found.get("forgets")!)).toBe("its exit function does not undo __pci_register_driver()");
  expect(verdict(found.get("option")!)).toBe("the kernel calls it by .init.setup too");
  expect(verdict(found.get("twice")!)).toBe("it has several initcalls");
  expect(verdict(found.get("half")!)).toBe("its exit function does not undo __pci_register_driver()");
  expect(verdict(found.get("table")!)).toBe("the kernel calls it by __earlycon_table too");
  expect(verdict(found.get("points")!)).toBe("its init code calls through a pointer in set_up()");
  expect(verdict(found.get("jumps")!)).toBe("its init code calls through a pointer in set_up()");
  expect(verdict(found.get("nameless")!)).toBe("its init code calls through a pointer in set_up()");
  expect(verdict(found.get("stays")!)).toBe("it has no exit function");
});

test("objects belong to a module by the command that compiled them, and what no .modinfo names is none", () => {
  const found = classify(
    {
      "main.c": driver("nic", "return __pci_register_driver(&own);"),
      "parts.c": "int nic_part(int x) { return x * 7; }",
      "common.c": "int common(int x) { return x * 9; }",
      "other.c": driver("other", "return __pci_register_driver(&own);"),
      "lib.c": `${moduleHeader} MODULE(lib, "drivers/lib") int lib_sum(int x) { return x + 3; }`,
      "core.c": "int core(void) { return 1; }",
    },
    {
      "main.o": ["drivers/nic"],
      "parts.o": ["drivers/nic"],
      "common.o": ["drivers/nic", "drivers/other"],
    },
  );
  expect([...found.keys()]).toEqual(["lib", "nic", "other"]);
  expect(found.get("nic")!.module.objects).toEqual([0, 1, 2]);
  expect(verdict(found.get("nic")!)).toBe("it shares an object with drivers/other");
  expect(found.get("lib")!).toMatchObject({ class: "library", registrars: [] });
});

test("exports are counted by function, and class library needs no initcall", () => {
  const exported = (name: string) =>
    `asm(".section .export_symbol, \\"a\\"\\n__export_symbol_${name}: .asciz \\"\\"\\n.balign 8\\n.quad ${name}\\n.previous");`;
  const found = classify({
    "lib.c": `${moduleHeader} MODULE(lib, "drivers/lib") int a(int x) { return x + 3; } int b(int x) { return x * 3; }
      ${exported("a")} ${exported("b")}`,
  });
  expect(found.get("lib")!.exports).toBe(2);
});

test("a command names the paths of an object, members of archives too; without one there is none", () => {
  const folder = temporaryFolder();
  writeFiles(folder, {
    "drivers/a/.x.o.cmd": `savedcmd_drivers/a/x.o := gcc -DKBUILD_MODFILE='"drivers/a/one drivers/a/two"' -c x.c\n`,
    "drivers/a/.y.o.cmd": "savedcmd_drivers/a/y.o := ld -r -o y.o\n",
  });
  expect(readModfiles(folder, "drivers/a/x.o")).toEqual(["drivers/a/one", "drivers/a/two"]);
  expect(readModfiles(folder, "drivers/a/built-in.a(drivers/a/x.o)")).toEqual([
    "drivers/a/one",
    "drivers/a/two",
  ]);
  expect(readModfiles(folder, "drivers/a/y.o")).toEqual([]);
  expect(readModfiles(folder, "drivers/a/z.o")).toEqual([]);
});

test("no module is found in objects that have none", () => {
  const { folder, names } = compileObjects({ "a.c": "int a;" });
  expect(findModules(loadObjects(folder, names), () => ["a"])).toEqual([]);
});

test("the catalogue names each registrar once, and none of them passes for harmless", () => {
  const names = registrars.flatMap((one) => one.names.split(" "));
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) {
    expect(findRegistrar(name)).toBeDefined();
    expect([name, isHarmless(name)]).toEqual([name, false]);
  }
});

test("docs/modules.md shows the catalogue: npm run docs writes it", () => {
  expect(readFileSync(join(projectRoot, "docs/modules.md"), "utf8")).toContain(`\n${registrarsMarkdown()}\n`);
});

test("jettison modules prints them, as a table and as JSON", () => {
  const folder = temporaryFolder();
  writeFiles(folder, {
    "nic.c": driver("nic", "return __pci_register_driver(&own);"),
    "kernel.c": kernel,
    ".nic.o.cmd": `cmd := gcc -DKBUILD_MODFILE='"drivers/nic"'\n`,
  });
  command(folder, "gcc", "-O2", "-ffreestanding", "-fno-pie", "-mcmodel=kernel", "-c", "nic.c", "kernel.c");
  command(folder, "ar", "rcsT", "vmlinux.a", "nic.o", "kernel.o");
  const run = (...args: string[]) =>
    spawnSync(join(projectRoot, "bin/jettison"), ["modules", folder, ...args], { encoding: "utf8" });
  expect(run().stdout).toMatch(/1 built-in modules.*\n?[\s\S]*nic +driver +\d+ +0 +automatic +PCI driver/);
  expect(JSON.parse(run("--json").stdout)).toMatchObject({
    version: 1,
    modules: [
      { name: "nic", path: "drivers/nic", class: "driver", isAutomatic: true, registers: ["PCI driver"] },
    ],
  });
  const other = spawnSync(join(projectRoot, "bin/jettison"), ["modules", join(folder, "none")], {
    encoding: "utf8",
  });
  expect(other).toMatchObject({ status: 2 });
});
