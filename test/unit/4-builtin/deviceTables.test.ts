// SPDX-License-Identifier: Apache-2.0
/** The devices of built-in drivers, read out of the tables that they register. */
import { expect, test } from "vitest";
import { classifyUnits } from "../../../src/2-catalogue/classify.js";
import { classifyModules, isAutomatic } from "../../../src/4-builtin/classify.js";
import { findModaliases } from "../../../src/4-builtin/deviceTables.js";
import { graphOf } from "../../support/compile.js";

/** As Linux has it in init.h, pci.h, virtio.h and mod_devicetable.h. */
const header = `
  #define __init __attribute__((section(".init.text"), used, noinline))
  #define __exit __attribute__((section(".exit.text"), noinline))
  #define PCI_ANY_ID (~0u)
  struct pci_device_id {
    unsigned vendor, device, subvendor, subdevice, class, class_mask; unsigned long driver_data; unsigned override_only;
  };
  struct pci_driver { const char *name; const struct pci_device_id *id_table; int (*probe)(void); };
  struct virtio_device_id { unsigned device, vendor; };
  struct virtio_driver { const char *name; void *rest[17]; const struct virtio_device_id *id_table; };
  int __pci_register_driver(struct pci_driver *, void *, const char *); void pci_unregister_driver(struct pci_driver *);
  int __register_virtio_driver(struct virtio_driver *, void *); void unregister_virtio_driver(struct virtio_driver *);
  int __serio_register_driver(void *, void *, const char *); void serio_unregister_driver(void *);
`;
const kernel = `
  int __pci_register_driver(void *a, void *b, const char *c) { return !a; } void pci_unregister_driver(void *a) { }
  int __register_virtio_driver(void *a, void *b) { return !a; } void unregister_virtio_driver(void *a) { }
  int __serio_register_driver(void *a, void *b, const char *c) { return !a; } void serio_unregister_driver(void *a) { }
  unsigned far_away[40];
`;
const driver = (tables: string, start: string, stop: string, more = "") => `
  ${header}
  static const char file[] __attribute__((used, section(".modinfo"))) = "own.file=drivers/own";
  ${tables}
  ${more}
  static __init int set_up(void) { return ${start}; }
  static __exit void leave(void) { ${stop} }
  asm(".section .initcall6.init, \\"a\\"\\n.long set_up - .\\n.previous");
  static void (*exit_leave)(void) __attribute__((used, section(".exitcall.exit"))) = leave;`;

function modaliasesOf(source: string, flags?: readonly string[]) {
  const graph = graphOf({ "own.c": source, "kernel.c": kernel }, flags);
  const found = classifyModules(graph, classifyUnits(graph), (file) =>
    file === "own.o" ? ["drivers/own"] : [],
  );
  const [own] = found.filter(isAutomatic);
  if (own === undefined) throw new Error("it is not automatic");
  return findModaliases(graph, own);
}

const pci = (entries: string, more = "", start = '__pci_register_driver(&own, 0, "own")') =>
  driver(
    `static const struct pci_device_id ids[] = { ${entries} };
     static struct pci_driver own = { .name = "own", .id_table = ids };`,
    start,
    "pci_unregister_driver(&own); pci_unregister_driver(&own);",
    more,
  );

test("a PCI driver's table gives the patterns that modpost gives a module's", () => {
  const source = pci(`
    { 0x8086, 0x100e, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 7 },
    { 0x13a8, PCI_ANY_ID, 0x1af4, 0x12, 0x020000, 0xffff00 },
    { PCI_ANY_ID, PCI_ANY_ID, PCI_ANY_ID, PCI_ANY_ID, 0x0c0330, 0xffffff },
    { 0x8086, 0x1, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0, 1 },
    { 0 }, { 0x9999, 0x9999 }`);
  const wanted = [
    "pci:v*d*sv*sd*bc0Csc03i30*",
    "pci:v000013A8d*sv00001AF4sd00000012bc02sc00i*",
    "pci:v00008086d0000100Esv*sd*bc*sc*i*",
  ];
  expect(modaliasesOf(source)).toEqual(wanted);
  // In sections for all of an object, the table lies somewhere inside.
  expect(
    modaliasesOf(`static const long before[] __attribute__((used)) = { 1, 2, 3 };${source}`, []),
  ).toEqual(wanted);
});

test("a virtio driver's device is also seen behind its PCI function", () => {
  const source = driver(
    `static struct virtio_device_id ids[] = { { 2, PCI_ANY_ID }, { 0 } };
     static struct virtio_driver own = { .name = "own", .id_table = ids };`,
    "__register_virtio_driver(&own, 0)",
    "unregister_virtio_driver(&own);",
  );
  expect(modaliasesOf(source)).toEqual([
    "pci:v00001AF4d00001042sv*",
    "pci:v00001AF4d000010[0-3]*sv*sd00000002*",
    "virtio:d00000002v*",
  ]);
});

test("what cannot be read is not guessed", () => {
  const card = "{ 0x8086, 0x100e, PCI_ANY_ID, PCI_ANY_ID }";
  // A table without an end, one with a mask that no pattern can say, none at all, one of the kernel's.
  expect(modaliasesOf(pci(card))).toBeUndefined();
  expect(
    modaliasesOf(pci("{ 0x8086, 0x100e, PCI_ANY_ID, PCI_ANY_ID, 0x020000, 0xf00000 }, { 0 }")),
  ).toBeUndefined();
  expect(modaliasesOf(pci(`${card}, { 0 }`).replace(".id_table = ids", ""))).toBeUndefined();
  expect(
    modaliasesOf(
      pci(`${card}, { 0 }`)
        .replace(".id_table = ids", ".id_table = (void *)far_away")
        .replace("static const struct pci", "extern unsigned far_away[]; static const struct pci"),
    ),
  ).toBeUndefined();
  // A second driver whose table is elsewhere, and a driver of another bus beside it.
  expect(
    modaliasesOf(
      pci(
        `${card}, { 0 }`,
        'static struct pci_driver bare = { .name = "bare" };',
        '__pci_register_driver(&own, 0, "own") || __pci_register_driver(&bare, 0, "own")',
      ),
    ),
  ).toBeUndefined();
  expect(
    modaliasesOf(
      pci(
        `${card}, { 0 }`,
        "",
        '__pci_register_driver(&own, 0, "own") || __serio_register_driver(&own, 0, "own")',
      ).replace(
        "pci_unregister_driver(&own);",
        "pci_unregister_driver(&own); serio_unregister_driver(&own);",
      ),
    ),
  ).toBeUndefined();
  // Two drivers, each with its table.
  expect(
    modaliasesOf(
      pci(
        `${card}, { 0 }`,
        `static const struct pci_device_id more[] = { { 0x10de, 1, PCI_ANY_ID, PCI_ANY_ID }, { 0 } };
         static struct pci_driver twin = { .name = "twin", .id_table = more };`,
        '__pci_register_driver(&own, 0, "own") || __pci_register_driver(&twin, 0, "twin")',
      ),
    ),
  ).toEqual(["pci:v000010DEd00000001sv*sd*bc*sc*i*", "pci:v00008086d0000100Esv*sd*bc*sc*i*"]);
});
