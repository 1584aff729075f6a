// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readFacts } from "../../../src/profile/facts.js";
import { type Profile, profileJsonSchema, profileSchema } from "../../../src/profile/profile.js";
import { projectRoot } from "../../../src/root.js";

const scratch = mkdtempSync(join(tmpdir(), "jettison-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const script = join(projectRoot, "runtime/profile/profile.sh");

/** An ACPI table with a header and `body`, as its bytes. */
function acpiTable(signature: string, body: readonly number[]): Buffer {
  const table = Buffer.alloc(36 + body.length);
  table.write(signature, 0, "latin1");
  table.writeUInt32LE(table.length, 4);
  table[8] = 1;
  table.write("MAKER\0", 10, "latin1");
  table.write('MO"\\EL\0 ', 16, "latin1");
  Buffer.from(body).copy(table, 36);
  return table;
}

const base = [0x00, 0x10, 0xd9, 0xfe, 0, 0, 0, 0];
const drhd = (address: readonly number[]) => [0, 0, 16, 0, 1, 0, 0, 0, ...address];
const dmar = acpiTable("DMAR", [38, 1, ...Array(10).fill(0), ...drhd(base), ...drhd(Array(8).fill(0))]);
const facp = acpiTable("FACP", Array(100).fill(0));

/** As acpidump prints it: rows of 16 bytes in hexadecimal, and the bytes as text. */
function toText(table: Buffer): string {
  const rows = Array.from({ length: Math.ceil(table.length / 16) }, (_, row) => {
    const bytes = [...table.subarray(row * 16, row * 16 + 16)];
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(" ");
    const text = bytes.map((byte) => (byte > 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    return `    ${(row * 16).toString(16).padStart(4, "0")}: ${hex.padEnd(47)}  ${text}`;
  });
  return `${table.toString("latin1", 0, 4)} @ 0x000000007FFE1000\n${rows.join("\n")}\n\n`;
}

const secrets = ["SN-4711", "1b9c-uuid", "52:54:00:12:34:56", "fed91000", "192.168.7.7"];

const tree: Readonly<Record<string, string | Buffer>> = {
  "proc/sys/kernel/osrelease": "6.12.1-test\n",
  "proc/cmdline": `root=UUID=${secrets[1]} BOOTIF=${secrets[2]} ip=${secrets[4]} intel_iommu=off quiet\n`,
  "proc/cpuinfo":
    "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 26\nmodel name\t: A CPU\nflags\t\t: fpu vme\nbugs\t\t: cpu_meltdown\n\nprocessor\t: 1\nvendor_id\t: GenuineIntel\n",
  "proc/meminfo": "MemTotal:  8000000 kB\n",
  "proc/iomem":
    "00001000-0009ffff : System RAM\nfed91000-fed91fff : dmar0\n100000000-23fffffff : System RAM\n  100000000-100ffffff : Kernel code\n",
  "sys/class/dmi/id/sys_vendor": "Maker\n",
  "sys/class/dmi/id/product_serial": `${secrets[0]}\n`,
  "sys/class/dmi/id/product_uuid": `${secrets[1]}\n`,
  "sys/class/dmi/id/chassis_type": "10\n",
  "sys/devices/pci0000:00/0000:00:02.0/modalias": "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00\n",
  "sys/devices/virtual/dmi/id/modalias": `dmi:bvn:sn${secrets[0]}\n`,
  "sys/firmware/acpi/tables/DMAR": dmar,
  "sys/firmware/acpi/tables/FACP": facp,
};

const root = join(scratch, "tree");
for (const [path, content] of Object.entries(tree)) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}
writeFileSync(join(scratch, "dump.txt"), toText(dmar) + toText(facp));
writeFileSync(join(scratch, "dump.bin"), Buffer.concat([dmar, facp]));

const shells = [["dash"], ["busybox", "sh"]] as const;

describe.each(shells.map((shell) => [shell.join(" "), shell] as const))("%s", (_, shell) => {
  const runScript = (...options: readonly string[]): { text: string; profile: Profile } => {
    const text = execFileSync(shell[0], [...shell.slice(1), script, ...options], { encoding: "utf8" });
    return { text, profile: profileSchema.parse(JSON.parse(text)) };
  };

  test("a saved tree becomes one line without serial numbers and addresses", () => {
    const { text, profile } = runScript("--root", root, "--name", "one");
    expect(text.match(/\n/g)).toHaveLength(1);
    for (const secret of secrets) expect(text.toLowerCase()).not.toContain(secret.toLowerCase());
    expect(profile).toMatchObject({
      name: "one",
      kernel: { release: "6.12.1-test" },
      commandLine: ["intel_iommu=off"],
      cpu: { vendor: "GenuineIntel", family: 6, count: 2, bugs: ["cpu_meltdown"] },
      hypervisor: "none",
      acpi: { complete: true, dmar: { drhdCount: 2, drhdBadBase: 1, hostAddressWidth: 39 } },
      devices: ["pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00"],
      dmi: { sysVendor: "Maker", chassisType: 10 },
      memory: { total: 8192000000, span: 0x240000000, iomem: { "System RAM": 0x140000000 + 0x9f000 } },
      unreadable: [],
    });
  });

  test("acpidump's text and its binary say the same, and nothing of this machine", () => {
    const [asText, asBinary] = ["dump.txt", "dump.bin"].map(
      (file) => runScript("--acpidump", join(scratch, file)).profile,
    );
    expect(asText).toEqual(asBinary);
    expect(asText!.acpi!.tables.map(({ sig }) => sig)).toEqual(["DMAR", "FACP"]);
    expect(asText!.acpi!.tables[0]).toMatchObject({ oemId: "MAKER", oemTableId: 'MO"\\EL' });
    expect(asText!.acpi!.complete).toBe(true);
    expect(asText!.cpu.vendor).toBeNull();
  });

  test("a file without a table yields no fact about tables", () => {
    writeFileSync(join(scratch, "empty"), "no tables here\n");
    const { profile } = runScript("--acpidump", join(scratch, "empty"));
    expect(profile.acpi).toBeNull();
    expect(profile.unreadable).toContain("acpi");
  });
});

test("shellcheck has nothing to say, where it is installed", (context) => {
  if (!existsSync("/usr/bin/shellcheck")) context.skip("shellcheck is not installed");
  execFileSync("shellcheck", ["-s", "sh", script]);
});

test("a profile of another version is refused", () => {
  expect(readFacts({ jettisonProfile: 2 })).toEqual({ what: "its version is 2, not 1" });
});

test("docs/profile.schema.json is the schema", () => {
  const published = JSON.parse(
    readFileSync(join(projectRoot, "docs/profile.schema.json"), "utf8"),
  ) as unknown;
  expect(published).toEqual(JSON.parse(JSON.stringify(profileJsonSchema())));
});
