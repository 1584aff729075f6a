// SPDX-License-Identifier: Apache-2.0
/** Manifests that ship are for all configurations: what one lacks is reported and fails no kernel. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../../src/root.js";
import { buildMiniature, linkMiniature, planOf, runtime } from "../../support/miniature.js";

const shipped = join(projectRoot, "components/hypervisor.yaml");

/** As with CONFIG_HYPERVISOR_GUEST and without CONFIG_HYPERV: of all that is Hyper-V's one object is built. */
const withoutHyperv = {
  ...runtime,
  "arch/x86/kernel/cpu/mshyperv.c": `
    #ifdef WITH_STATE
    struct { int features; } ms_hyperv;
    #endif
    int hv_die_panic_notify_crash(int x) { asm volatile(".skip 600, 0x90"); return x + 1; }
    static int (*const hv_ops[])(int) __attribute__((used)) = { hv_die_panic_notify_crash };`,
  "main.c": "int main(void) { return 0; }",
};

test("a component of which one object is built is used as far as it goes, and what it lacks is reported", () => {
  const folder = buildMiniature(withoutHyperv, { flags: ["-DCONFIG_JETTISON", "-DWITH_STATE"] });
  const linked = linkMiniature(folder, shipped);
  expect([linked.status, linked.stderr]).toEqual([0, ""]);
  const lacks = ["arch/x86/hyperv/**", "drivers/hv/**", "drivers/clocksource/hyperv_timer.o"];
  expect(linked.stdout).toContain(`hyperv is built in part: this build has no ${lacks.join(", ")}\n`);
  const { components, regions } = planOf(folder);
  expect(components.find(({ name }) => name === "hyperv")).toMatchObject({ state: "planned", lacks });
  expect(regions.map(({ owners }) => owners)).toContainEqual(["hyperv"]);
});

test("a component that nobody can ask whether it is in use stays, and the symbol is reported", () => {
  const folder = buildMiniature(withoutHyperv);
  const linked = linkMiniature(folder, shipped);
  expect([linked.status, linked.stderr]).toEqual([0, ""]);
  expect(linked.stdout).toContain("hyperv is left out: this build has no ms_hyperv\n");
  const { components, regions, units } = planOf(folder);
  expect(components.find(({ name }) => name === "hyperv")).toMatchObject({
    state: "not-built",
    lacks: ["ms_hyperv"],
  });
  expect([regions, units]).toEqual([[], []]);
});

test("the same manifest as somebody's own is held to its names", () => {
  const folder = buildMiniature(withoutHyperv, { flags: ["-DCONFIG_JETTISON", "-DWITH_STATE"] });
  copyFileSync(shipped, join(folder, "components.yaml"));
  const linked = linkMiniature(folder);
  expect(linked.status).toBe(2);
  expect(linked.stderr).toContain("no object of this build matches drivers/hv/**");
});

test("a name in registers that this build lacks is a mistake in one's own manifest alone", () => {
  // As with CONFIG_XEN and without PV: xen_start_kernel(), which `by` names, is not built.
  const xen = {
    ...runtime,
    "arch/x86/xen/enlighten.c": "int xen_domain_type; int xen_f(int x) { return x; }",
    "drivers/xen/time.c": "int xen_g(int x) { return x; }",
    "main.c": "int main(void) { return 0; }",
  };
  const folder = buildMiniature(xen);
  const linked = linkMiniature(folder, shipped);
  expect([linked.status, linked.stderr]).toEqual([0, ""]);
  copyFileSync(shipped, join(folder, "components.yaml"));
  expect(linkMiniature(folder).stderr).toMatch(
    /components\.yaml:\d+: xen_start_kernel is no function or table of init code\..*\[manifest-registers\]/,
  );
});
