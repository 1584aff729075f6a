// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Present } from "../../../src/3-component/component.js";
import type { Plan } from "../../../src/plan/plan.js";
import { DistributionBuilder, summarise } from "../../../src/predict/distribution.js";
import { formatPredictionLine, Predictor } from "../../../src/predict/predict.js";
import { evaluatePresent } from "../../../src/predict/truth.js";
import { type Facts, readFacts } from "../../../src/profile/facts.js";
import { projectRoot } from "../../../src/root.js";

/** Credit and licence of these machines stand in the file. */
const { machines } = JSON.parse(readFileSync(join(projectRoot, "test/support/linuxhw.json"), "utf8")) as {
  machines: { id: string }[];
};

function factsOf(id: string): Facts {
  const read = readFacts(machines.find((one) => one.id === id));
  if ("what" in read) throw new Error(read.what);
  return read.facts;
}

const vtd: Present = { op: "acpiTable", signature: "DMAR" };
const amdvi: Present = { op: "acpiTable", signature: "IVRS" };
const intel: Present = { op: "cpu", vendor: "GenuineIntel" };
const kvm: Present = { op: "hypervisor", name: "kvm" };

const component = (name: string, more: Partial<Plan["components"][number]> = {}) => ({
  ...{ name, title: name, state: "planned" as const, canAppear: "never" as const, after: [], needs: [] },
  ...{ hasPadding: false, owned: {}, leaving: {}, gates: 0 },
  ...more,
});
const region = (pages: number, ...owners: string[]) => ({
  ...{ name: owners.join("_"), kind: "text" as const, owners, bytes: pages * 4096, pages, units: 1 },
});

/** The part of a plan that a prediction reads. */
const plan = {
  components: [
    component("amd-vi", { present: amdvi, needs: ["core"] }),
    component("intel-vtd", { present: vtd, needs: ["core"] }),
    component("cpu-intel", { present: intel }),
    component("kvm-guest", { present: kvm }),
    component("pluggable", { present: { op: "never" }, canAppear: "hotplug" }),
    component("silent"),
    component("core", { present: { op: "never" } }),
    component("padding", { present: { op: "never" }, hasPadding: true }),
    component("absent", { state: "not-built" }),
  ],
  regions: [
    ...[region(10, "amd-vi"), region(20, "intel-vtd"), region(1, "amd-vi", "intel-vtd")],
    ...[region(40, "cpu-intel"), region(80, "kvm-guest"), region(160, "pluggable"), region(2, "silent")],
    region(5, "core"),
  ],
  units: [{ object: "a.o", section: ".text.a", kind: "text", bytes: 100, owners: ["kvm-guest"] }],
  columns: { objects: ["arch/x86/mm/pti.o"] },
  image: {
    entryText: { offset: 0x600000, bytes: 0x3000 },
    leavingPadding: [
      { offset: 0x500000, bytes: 0x100000 },
      { offset: 0x604000, bytes: 0x10000 },
    ],
  },
} as unknown as Plan;

const predictor = new Predictor(plan, (name) => plan.components.find((one) => one.name === name)!.present);

const bare: Facts = {
  ...{ name: "bare", formFactor: undefined, vendor: undefined, cpuFamily: 6, memoryTotal: undefined },
  ...{ memorySpan: undefined, pciDevices: undefined, commandLine: [], defects: [], hypervisor: "none" },
  modaliases: undefined,
  acpi: { signatures: new Set(["FACP", "DMAR"]), isComplete: true },
  ...{ cpuVendor: "GenuineIntel", cpuBugs: ["cpu_meltdown"] },
};

test("a component that is there stays with what it needs; one that may be plugged in stays; unknown is carried on", () => {
  const { pages, components } = predictor.predict(bare);
  expect(components.map((one) => [one.component, one.outcome, one.reason])).toEqual([
    ["amd-vi", "leaves", "no IOMMU described by firmware"],
    ["intel-vtd", "stays", "present"],
    ["cpu-intel", "stays", "present"],
    ["kvm-guest", "leaves", "not-present"],
    ["pluggable", "stays", "can-appear-hotplug"],
    ["silent", "unknown", "unknown"],
    ["core", "stays", "needed-by-intel-vtd"],
    ["padding", "leaves", "pti"],
  ]);
  // The padding that lies outside the 2 MB of the entry text.
  expect(pages).toEqual({ min: 10 + 80 + 256, max: 10 + 80 + 256 + 2 });
});

test("compact text has no padding beside the entry text", () => {
  const image = { ...plan.image!, entryText: { offset: 0x1010, bytes: 0x1eeb } };
  const compact = new Predictor(
    { ...plan, image },
    (name) => plan.components.find((one) => one.name === name)!.present,
  );
  const padding = compact.predict(bare).components.find(({ component }) => component === "padding")!;
  expect(padding).toMatchObject({ outcome: "leaves", reason: "not-present", pages: { min: 272, max: 272 } });
});

test("facts that are not known widen the bounds and never decide", () => {
  const unknown = predictor.predict({
    ...bare,
    ...{ acpi: undefined, cpuVendor: undefined, cpuBugs: undefined, hypervisor: undefined },
  });
  expect(unknown.pages).toEqual({ min: 256, max: 10 + 20 + 1 + 40 + 80 + 2 + 5 + 256 + 16 });
  const onlyDmar = { ...bare, acpi: { signatures: new Set(["DMAR"]), isComplete: false } };
  expect(evaluatePresent(vtd, onlyDmar)).toBe("yes");
  expect(evaluatePresent(amdvi, onlyDmar)).toBe("unknown");
  expect(evaluatePresent({ op: "any", of: [amdvi, vtd] }, onlyDmar)).toBe("yes");
  expect(evaluatePresent({ op: "all", of: [amdvi, vtd] }, onlyDmar)).toBe("unknown");
  expect(evaluatePresent({ op: "not", of: amdvi }, onlyDmar)).toBe("unknown");
  expect(evaluatePresent({ op: "memoryAbove", bytes: 2 ** 32 }, { ...bare, memoryTotal: 2 ** 31 })).toBe(
    "unknown",
  );
  expect(evaluatePresent({ op: "memoryAbove", bytes: 2 ** 32 }, { ...bare, memoryTotal: 2 ** 33 })).toBe(
    "yes",
  );
});

test("the command line decides what it decides in the kernel, and is mentioned where present may not be in use", () => {
  const words = (...commandLine: string[]) => predictor.predict({ ...bare, commandLine });
  expect(words("jettison=off").pages).toEqual({ min: 0, max: 0 });
  expect(words("jettison.keep=kvm-guest").pages.min).toBe(10 + 256);
  expect(words("jettison.drop=pluggable").pages.min).toBe(10 + 80 + 160 + 256);
  expect(words("jettison.hotplug=none").pages.min).toBe(10 + 80 + 160 + 256);
  expect(words("jettison.padding=off").pages.min).toBe(10 + 80);
  expect(words("nopti").pages.min).toBe(10 + 80 + 256 + 16);
  expect(words("intel_iommu=off").notes).toHaveLength(1);
});

test("a driver's own tables say whether its device is there; what only another driver finds is unknown", () => {
  const e1000: Present = {
    op: "modalias",
    patterns: ["pci:v00008086d0000100Esv*sd*bc*sc*i*", "pci:v00001AF4d000010[0-3]*sv*sd00000001*"],
  };
  const on = (present: Present, ...modaliases: string[]) => evaluatePresent(present, { ...bare, modaliases });
  expect(evaluatePresent(e1000, bare)).toBe("unknown");
  expect(on(e1000, "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00")).toBe("yes");
  expect(on(e1000, "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00")).toBe("no");
  expect(on(e1000, "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00")).toBe("yes");
  // A set takes one sign, and a pattern is all of the modalias.
  expect(on(e1000, "pci:v00001AF4d00001040sv00001AF4sd00000001bc02sc00i00")).toBe("no");
  expect(on(e1000, "xpci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00")).toBe("no");
  expect(on({ op: "modalias", patterns: ["pci:v[!0]?+*"] }, "pci:v12+")).toBe("yes");
  expect(on({ op: "modalias", patterns: ["pci:v[!0]?+*"] }, "pci:v02+", "pci:v122", "pci:v1+2")).toBe("no");

  const keyboard: Present = { op: "modalias", patterns: ["serio:ty06pr*id*ex*"] };
  expect(on(keyboard, "pci:v00008086d000010D3")).toBe("unknown");
  expect(on(keyboard, "serio:ty06pr00id00ex00")).toBe("yes");

  const disk: Present = { op: "modalias", patterns: ["virtio:d00000002v*", "pci:v00001AF4d00001042sv*"] };
  expect(on(disk, "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00", "acpi:PNP0A08:")).toBe("no");
  expect(on(disk, "platform:virtio-mmio")).toBe("unknown");
  expect(on(disk, "platform:virtio-mmio", "virtio:d00000001v00001AF4")).toBe("no");
  expect(on(disk, "platform:virtio-mmio", "virtio:d00000002v00001AF4")).toBe("yes");

  // An sos report tells vendor and device of PCI devices, and nothing of other buses.
  expect(on(e1000, "pci:v00008086d0000100E")).toBe("yes");
  expect(on(e1000, "pci:v00008086d000010D3")).toBe("no");
  expect(on(e1000, "pci:v00001AF4d00001000")).toBe("unknown");
  expect(on(disk, "pci:v00001AF4d00001042")).toBe("yes");
  expect(on(disk, "pci:v00008086d000010D3")).toBe("unknown");
  const byClass: Present = { op: "modalias", patterns: ["pci:v*d*sv*sd*bc0Csc03i30*"] };
  expect(on(byClass, "pci:v00001033d00000194")).toBe("unknown");
  expect(on(byClass, "pci:v00001033d00000194sv00001033sd00000194bc0Csc03i30")).toBe("yes");
});

test("drivers that leave by their exit functions follow the words that the kernel has for them", () => {
  const card: Present = { op: "modalias", patterns: ["pci:v00008086d0000100Esv*"] };
  const driver = { present: card, canAppear: "hotplug", isAutomatic: true } as const;
  const components = [component("e1000", driver), component("atkbd", { ...driver, isFoundLate: true })];
  const drivers = new Predictor(
    { ...plan, components, regions: [], units: [] } as unknown as Plan,
    () => card,
  );
  const reasons = (commandLine: string, ...modaliases: string[]) =>
    drivers
      .predict({ ...bare, modaliases, commandLine: commandLine.split(" ") })
      .components.map(({ outcome, reason }) => `${outcome} ${reason}`);
  // In the order in which decide_component() of decide.c asks.
  expect(reasons("")).toEqual(["stays can-appear-hotplug", "stays found-late"]);
  expect(reasons("jettison.exit=again")).toEqual(["stays can-appear-hotplug", "stays found-late"]);
  expect(reasons("jettison.hotplug=none jettison.exit=again")).toEqual([
    "stays exit-again",
    "stays found-late",
  ]);
  expect(reasons("jettison.hotplug=none")).toEqual(["leaves not-present", "stays found-late"]);
  expect(reasons("jettison.hotplug=none jettison.drop=atkbd")).toEqual([
    "leaves not-present",
    "leaves not-present",
  ]);
  expect(reasons("jettison.hotplug=none", "pci:v00008086d0000100Esv00001AF4")[0]).toBe("stays present");
  for (const [word, reason] of [
    ["jettison.scan=off", "scan-off"],
    ["jettison.exit=off", "exit-off"],
    ["jettison.exit=unknown", "exit-off"],
  ])
    expect(reasons(`jettison.hotplug=none ${word}`)).toEqual([`stays ${reason}`, `stays ${reason}`]);
  expect(reasons("jettison.hotplug=none jettison.exit=on jettison.scan=on")[0]).toBe("leaves not-present");
});

test("machines of the table summary are read as they are", () => {
  const outcome = (id: string) =>
    Object.fromEntries(predictor.predict(factsOf(id)).components.map((one) => [one.component, one.outcome]));
  expect(outcome("F3B9E861E0CA")).toMatchObject({ "amd-vi": "stays", "intel-vtd": "leaves", core: "stays" });
  expect(outcome("D98C04F8D964")).toMatchObject({
    "amd-vi": "leaves",
    "intel-vtd": "leaves",
    core: "leaves",
  });
  expect(predictor.predict(factsOf("D19FB82D46CF")).notes).toHaveLength(1); // a unit at address 0
  const virtual = machines.find((one) => (one as { virtual?: boolean }).virtual === true)!;
  expect(outcome(virtual.id)["kvm-guest"]).toBe("unknown");
});

test("a fleet is summed up, and its last line has the form that is promised", () => {
  const fleet = new DistributionBuilder();
  const predictions = machines.map(({ id }) => predictor.predict(factsOf(id)));
  for (const prediction of predictions) {
    fleet.add(prediction);
    const { machine, formFactor, vendor, notes, pages, components, leftBehind } = prediction;
    expect(JSON.parse(formatPredictionLine(prediction))).toEqual(
      JSON.parse(
        JSON.stringify({ version: 1, machine, formFactor, vendor, notes, pages, components, leftBehind }),
      ),
    );
  }
  const least = predictions.map(({ pages }) => pages.min).sort((a, b) => a - b);
  const distribution = fleet.finish();
  const { summary } = summarise(distribution);
  expect(summary.machines).toBe(5);
  expect(summary.pages).toEqual({
    min: least[0],
    q1: least[1],
    median: least[2],
    q3: least[3],
    max: least[4],
  });
  expect(summary.components.find((one) => one.component === "intel-vtd")).toEqual({
    ...{ component: "intel-vtd", usedBy: 2, unknown: 0 },
  });
  expect(distribution.histogram.reduce((sum, [, count]) => sum + count, 0)).toBe(5);
  expect(distribution.classes.reduce((sum, one) => sum + one.machines, 0)).toBe(5);
});
