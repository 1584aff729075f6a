// SPDX-License-Identifier: Apache-2.0
/**
 * The shipped manifests of components that no kernel of the demo shows whole, on small programs with the names and
 * the shape of the kernel's files: Calgary, which left Linux with 5.7, and what keeps SWIOTLB.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../../src/root.js";
import { command } from "../../support/compile.js";
import { buildMiniature, jettison, linkMiniature, planOf, runtime } from "../../support/miniature.js";

const shipped = join(projectRoot, "components/iommu.yaml");
const init = '__attribute__((section(".init.text")))';
const readMostly = '__attribute__((section(".data..read_mostly")))';

/** As the kernel decides: is the one test of the component a variable that is not 0? Then it stays. */
const decide = `
  struct test { unsigned char op, size; unsigned short nr; unsigned length; const void *symbol; unsigned long value; };
  struct component { const char *name, *reason; const struct test *in_use; unsigned short nr_tests; };
  extern const struct component jettison_components[];
  static int is_in_use(void)
  {
    const struct test *test = jettison_components[0].in_use;
    const char *byte = test->symbol;
    int set = 0;
    for (unsigned i = 0; i < test->length; i++) set |= byte[i];
    return set != 0;
  }`;

const calgary = {
  ...runtime,
  "calgary.h": `
    typedef unsigned long dma_addr_t;
    struct table { const struct chip_ops *chip_ops; unsigned long entries[8]; void (*watchdog)(struct table *); };
    struct chip_ops {
      void (*handle_quirks)(struct table *); void (*tce_cache_blast)(struct table *); void (*dump_error_regs)(struct table *);
    };
    struct dma_map_ops {
      void *(*alloc)(unsigned long); void (*free)(void *);
      dma_addr_t (*map_page)(unsigned long); void (*unmap_page)(dma_addr_t);
      int (*map_sg)(unsigned long *, int); void (*unmap_sg)(unsigned long *, int);
    };
    extern const struct dma_map_ops *device_ops;
    extern int (*iommu_init)(void);
    int detect_calgary(int bridges);
    void tce_build(struct table *, int, unsigned long);
    void tce_free(struct table *, int);
    extern struct table calgary_table;`,
  "arch/x86/kernel/tce_64.c": `
    #include "calgary.h"
    void tce_build(struct table *t, int at, unsigned long address) { asm volatile(".skip 400, 0x90"); t->entries[at] = address | 1; }
    void tce_free(struct table *t, int at) { t->entries[at] = 0; }`,
  "arch/x86/kernel/pci-calgary_64.c": `
    #include "calgary.h"
    int use_calgary ${readMostly} = 1;
    static int calgary_detected ${readMostly};
    struct table calgary_table;
    static ${init} void calgary_handle_quirks(struct table *t) { t->entries[7] = 7; }
    static void calgary_tce_cache_blast(struct table *t) { t->entries[6]++; }
    static void calgary_dump_error_regs(struct table *t) { t->entries[5]++; }
    static ${init} void calioc2_handle_quirks(struct table *t) { t->entries[7] = 8; }
    static void calioc2_tce_cache_blast(struct table *t) { t->entries[6] += 2; }
    static void calioc2_dump_error_regs(struct table *t) { t->entries[5] += 2; }
    static struct chip_ops calgary_chip_ops = { calgary_handle_quirks, calgary_tce_cache_blast, calgary_dump_error_regs };
    static struct chip_ops calioc2_chip_ops = { calioc2_handle_quirks, calioc2_tce_cache_blast, calioc2_dump_error_regs };
    static void *calgary_alloc_coherent(unsigned long size) { tce_build(&calgary_table, 1, size); return &calgary_table; }
    static void calgary_free_coherent(void *at) { tce_free(at, 1); }
    static dma_addr_t calgary_map_page(unsigned long page)
    {
      calgary_table.chip_ops->tce_cache_blast(&calgary_table);
      tce_build(&calgary_table, 0, page << 12);
      return calgary_table.entries[0];
    }
    static void calgary_unmap_page(dma_addr_t address) { tce_free(&calgary_table, 0); }
    static int calgary_map_sg(unsigned long *list, int count) { tce_build(&calgary_table, 2, *list); return count; }
    static void calgary_unmap_sg(unsigned long *list, int count) { tce_free(&calgary_table, 2); }
    static const struct dma_map_ops calgary_dma_ops = {
      calgary_alloc_coherent, calgary_free_coherent, calgary_map_page, calgary_unmap_page, calgary_map_sg, calgary_unmap_sg
    };
    static void calgary_watchdog(struct table *t) { t->chip_ops->dump_error_regs(t); }
    static ${init} int calgary_iommu_init(void)
    {
      calgary_table.chip_ops = calgary_table.entries[4] ? &calioc2_chip_ops : &calgary_chip_ops;
      calgary_table.chip_ops->handle_quirks(&calgary_table);
      calgary_table.watchdog = calgary_watchdog;
      device_ops = &calgary_dma_ops;
      return 0;
    }
    ${init} int detect_calgary(int bridges)
    {
      if (!use_calgary || !bridges) return -19;
      calgary_detected = 1;
      iommu_init = calgary_iommu_init;
      return 1;
    }
    ${init} int calgary_fixup_tce_spaces(void) { return calgary_detected ? 0 : -19; }
    /* IOMMU_INIT_POST() */
    static const struct { int (*detect)(int), (*depend)(int); } entry
      __attribute__((used, section(".iommu_table"))) = { detect_calgary };`,
  "main.c": `
    #include <stdio.h>
    #include <stdlib.h>
    #include "calgary.h"
    #include "runtime.h"
    ${decide}
    static dma_addr_t direct_map(unsigned long page) { return page << 12; }
    static const struct dma_map_ops direct_ops = { .map_page = direct_map };
    const struct dma_map_ops *device_ops = &direct_ops;
    int (*iommu_init)(void);
    int main(int count, char **words)
    {
      detect_calgary(count - 1);
      if (iommu_init) iommu_init();
      int stays = is_in_use();
      if (!stays) gone();
      printf("%s, mapped at %lx", stays ? "stays" : "leaves", device_ops->map_page(3));
      if (calgary_table.watchdog) calgary_table.watchdog(&calgary_table);
      printf(", %lu blasts, %lu errors, %lu calls of gates\\n", calgary_table.entries[6], calgary_table.entries[5],
             calls_of_gates());
    }`,
};

test("Calgary stays where its bridges are, and leaves where they are not", () => {
  const folder = buildMiniature(calgary);
  const linked = linkMiniature(folder, shipped);
  expect([linked.status, linked.stderr]).toEqual([0, ""]);
  const { components, regions, gates, refusals, units } = planOf(folder);
  expect(components.filter(({ state }) => state !== "not-built").map(({ name }) => name)).toEqual([
    "calgary",
  ]);
  expect(refusals).toEqual([]);
  expect(regions.filter(({ kind }) => kind === "text").map(({ owners }) => owners)).toEqual([["calgary"]]);
  const leaving = units.filter(({ region, kind }) => region !== undefined && kind === "text");
  expect(leaving.map(({ section }) => section)).toEqual(
    expect.arrayContaining([".text.tce_build", ".text.calgary_map_page", ".text.calgary_watchdog"]),
  );
  // Init code sets the watchdog's timer only where Calgary is in use: no gate for it.
  const gated = gates.map((gate) => gate.function);
  expect(gated).not.toContain("calgary_watchdog");
  expect(gated).toEqual(expect.arrayContaining(["calgary_map_page", "calioc2_dump_error_regs"]));

  command(folder, "gcc", "-static", "-no-pie", "-o", "program", "vmlinux.o");
  expect(command(folder, "./program", "bridge")).toBe(
    "stays, mapped at 3001, 1 blasts, 1 errors, 0 calls of gates\n",
  );
  expect(command(folder, "./program")).toBe("leaves, mapped at 3000, 0 blasts, 0 errors, 0 calls of gates\n");
});

test("every answer for Calgary is a refusal that its callers know", () => {
  const { stdout } = jettison(buildMiniature(calgary), "plan", ".", "--components", shipped, "--json");
  const { gates } = JSON.parse(stdout) as { gates: { function: string; answer: string }[] };
  const answers = Object.fromEntries(gates.map((gate) => [gate.function, gate.answer]));
  expect(answers).toMatchObject({
    calgary_alloc_coherent: "null",
    calgary_free_coherent: "void",
    calgary_map_page: "-1",
    calgary_unmap_page: "void",
    calgary_map_sg: "0",
    calgary_unmap_sg: "void",
  });
});

const swiotlb = {
  ...runtime,
  "include/config/kernel.release": "6.12.0\n",
  "kernel/dma/swiotlb.c": `
    static unsigned long nslabs;
    int is_swiotlb_allocated(void) { return nslabs != 0; }
    static int slots[64];
    static void release(int at) { asm volatile(".skip 300, 0x90"); slots[at] = 0; }
    unsigned long swiotlb_tbl_map_single(unsigned long at) { asm volatile(".skip 300, 0x90"); slots[at & 63] = 1; return at; }
    unsigned long swiotlb_map(unsigned long at) { return swiotlb_tbl_map_single(at) << 12; }
    void __swiotlb_tbl_unmap_single(unsigned long at) { release(at & 63); }
    void __swiotlb_sync_single_for_cpu(unsigned long at) { slots[at & 63]++; }
    void __swiotlb_sync_single_for_device(unsigned long at) { slots[at & 63]--; }
    int swiotlb_init_late(unsigned long size) { nslabs = size >> 11; return 0; }`,
  "kernel/dma/direct.c": `
    unsigned long swiotlb_map(unsigned long at);
    int is_swiotlb_allocated(void);
    unsigned long dma_direct_map_page(unsigned long at) { return is_swiotlb_allocated() ? swiotlb_map(at) : at; }`,
  "main.c":
    "unsigned long dma_direct_map_page(unsigned long); int main(void) { return dma_direct_map_page(0); }",
};

test("SWIOTLB leaves where nothing that stays can start it", () => {
  const folder = buildMiniature(swiotlb);
  const linked = linkMiniature(folder, shipped);
  expect([linked.status, linked.stderr]).toEqual([0, ""]);
  const { regions, gates, units } = planOf(folder);
  expect(regions.filter(({ kind }) => kind === "text").map(({ owners }) => owners)).toEqual([["swiotlb"]]);
  expect(gates.map((gate) => `${gate.function} ${gate.answer}`)).toEqual(["swiotlb_map -1"]);
  expect(units.map(({ section }) => section)).not.toContain(".text.is_swiotlb_allocated");
});

test.each([
  [
    "a device's fixup can start it",
    "int swiotlb_init_late(unsigned long); int fixup(void) { return swiotlb_init_late(4 << 20); }",
    "swiotlb_init_late",
  ],
  [
    "a device can have a pool of its own",
    `int rmem_swiotlb_device_init(int x) { return x; }
     int (*const rmem_swiotlb_ops)(int) = rmem_swiotlb_device_init;`,
    "rmem_swiotlb_device_init",
  ],
])("SWIOTLB is refused where %s", (_, source, name) => {
  const folder = buildMiniature({ ...swiotlb, "other.c": source });
  const linked = linkMiniature(folder, shipped);
  expect(linked.status).toBe(0);
  expect(linked.stderr).toMatch(new RegExp(`swiotlb is refused: .*${name}.*no answer`));
  expect(planOf(folder).regions).toEqual([]);
});
