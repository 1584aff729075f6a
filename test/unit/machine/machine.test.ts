// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { titleOf } from "../../../src/boots/readBoots.js";
import { JettisonError } from "../../../src/diagnostics.js";
import { loadMachine, machineJsonSchema, usualMachines } from "../../../src/machine/machine.js";
import { guestCommand, kernelCommandLine, qemuCommand } from "../../../src/machine/qemuCommand.js";
import { projectRoot } from "../../../src/root.js";

const good = `title: a machine
qemu:
  - [-M, q35]
memory: 256
cpus: 2
append: console=ttyS0
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jettison-test-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function caught(work: () => unknown): JettisonError {
  try {
    work();
  } catch (error) {
    if (error instanceof JettisonError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const load = (text: string) => {
  writeFileSync(join(folder, "some.yaml"), text);
  return loadMachine("some", folder);
};

describe("a machine's file", () => {
  test("is named after its machine", () => {
    expect(load(good)).toEqual({
      ...{ name: "some", title: "a machine", qemu: [["-M", "q35"]] },
      ...{ memory: 256, cpus: 2, append: "console=ttyS0" },
    });
  });

  test.each([
    ["a word for a number", good.replace("256", "much"), 4],
    ["a number out of range", good.replace("256", "1"), 4],
    ["an unknown key", `${good}cpu: 2\n`, 7],
    ["a missing key", good.replace(/^cpus.*\n/m, ""), 1],
    ["no YAML", `${good}a: [\n`, 8],
    ["a path out of the package", `${good}xen: { package: xen, file: ../../x.gz, append: a }\n`, 7],
  ])("with %s is answered with its place", (_, text, line) => {
    const error = caught(() => load(text));
    expect(error.diagnostics.map((one) => one.code)).toEqual(["machine-invalid"]);
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(`some.yaml:${line}:`);
  });

  test("reports all that is wrong", () => {
    const error = caught(() => load(good.replace("256", "1").replace("cpus: 2", "cpus: none")));
    expect(error.diagnostics).toHaveLength(2);
  });
});

test("a machine may be a file of one's own, by its path", () => {
  const file = join(folder, "mine.yaml");
  writeFileSync(file, good);
  expect(loadMachine(file)).toMatchObject({ name: "mine", title: "a machine" });
  writeFileSync(file, good.replace("256", "much"));
  expect(caught(() => loadMachine(file)).message).toContain(`${file}:4:`);
  expect(caught(() => loadMachine(join(folder, "other.yaml"))).diagnostics[0]!.code).toBe("machine-unknown");
});

test("a machine's name in results is never opened as a file", () => {
  const file = join(folder, "mine.yaml");
  writeFileSync(file, good);
  const here = process.cwd();
  process.chdir(folder);
  try {
    for (const name of [file, "mine.yaml", "./mine.yaml", "/tmp", "x\0.yaml", "x\0/y", "../machines/q35", ""])
      expect(titleOf(name)).toBe(name);
  } finally {
    process.chdir(here);
  }
  expect(titleOf("q35")).toBe(loadMachine("q35").title);
});

test("an unknown machine is answered with the nearest", () => {
  const error = caught(() => loadMachine("vtt"));
  expect(error.diagnostics[0]!.code).toBe("machine-unknown");
  expect(error.message).toContain("vtd");
  expect(caught(() => loadMachine("../machines/q35")).diagnostics[0]!.code).toBe("machine-unknown");
  expect(caught(() => loadMachine("something else")).message).toContain("xen-dom0");
});

test("docs/machine.schema.json is the schema, and docs/machines.md names each machine", () => {
  const published = JSON.parse(
    readFileSync(join(projectRoot, "docs/machine.schema.json"), "utf8"),
  ) as unknown;
  expect(published).toEqual(JSON.parse(JSON.stringify(machineJsonSchema())));
  const page = readFileSync(join(projectRoot, "docs/machines.md"), "utf8");
  for (const file of readdirSync(join(projectRoot, "machines")))
    expect(page).toMatch(new RegExp(`^\\| \`${file.replace(".yaml", "")}\` \\|`, "m"));
});

describe("the machines that come with Jettison", () => {
  const others = ["numa", "cpus", "small", "large", "uefi", "devices"];
  test.each([...usualMachines, "virtio-iommu", "kvm", "hyperv", "xen-pvh", "microvm", ...others])(
    "%s is in good form",
    (name) => {
      const machine = loadMachine(name);
      if (others.includes(name)) expect(machine.proves).toMatch(/^[A-Z].*\.$/);
      const started = machine.kvm === undefined ? qemuCommand : guestCommand;
      const argv = started(machine, "jettison=off");
      expect(argv).toContain("-no-reboot");
      expect(argv.join(" ")).toContain("jettison=off");
    },
  );

  test("have kernel command lines of one length, whatever is added", () => {
    const lengths = usualMachines.flatMap((name) =>
      ["", "jettison=off", "jettison=selftest jettison.keep=a,b"].map(
        (append) => kernelCommandLine(loadMachine(name), append).length,
      ),
    );
    expect(new Set(lengths).size).toBe(1);
  });

  test("under Xen commas of the kernel's command line do not end it", () => {
    const argv = qemuCommand(loadMachine("xen-dom0"), "jettison.keep=a,b");
    expect(argv[argv.indexOf("-kernel") + 1]).toBe("hypervisor");
    expect(argv[argv.indexOf("-initrd") + 1]).toMatch(
      /^image console=hvc0 .*jettison\.keep=a,,b +,initramfs$/,
    );
  });

  test("dom0 has the memory that a domain leaves over, and the kernel's command line is not dom0's", () => {
    const machine = loadMachine("xen-domain");
    const argv = qemuCommand(machine, "jettison=off");
    expect(argv[argv.indexOf("-m") + 1]).toBe(`${machine.xen!.domain!.memory}`);
    expect(argv[argv.indexOf("-initrd") + 1]).toMatch(/^image console=hvc0 .*,host-initramfs$/);
    expect(argv.join(" ")).not.toContain("jettison=off");
  });

  test("inside KVM the machine's options are the guest's, and the host has its own", () => {
    const machine = loadMachine("kvm");
    const host = qemuCommand(machine, "jettison=off");
    const guest = guestCommand(machine, "jettison=off");
    expect(host.join(" ")).not.toContain("jettison=off");
    expect(host[host.indexOf("-initrd") + 1]).toBe("host-initramfs");
    expect(host[host.indexOf("-m") + 1]).toBe(`${machine.kvm!.memory}`);
    expect(guest[guest.indexOf("-accel") + 1]).toBe("kvm");
    expect(guest[guest.indexOf("-m") + 1]).toBe(`${machine.memory}`);
  });
});
