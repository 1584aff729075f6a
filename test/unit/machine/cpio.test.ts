// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { type CpioEntry, writeCpio } from "../../../src/machine/cpio.js";

const entries: CpioEntry[] = [
  { name: "dev", mode: 0o040755 },
  { name: "dev/console", mode: 0o020600, device: [5, 1] },
  ...[0, 1, 2, 3, 4, 5].map((length) => ({
    name: `file${"x".repeat(length)}`,
    mode: 0o100755,
    content: Buffer.alloc(length, 65 + length),
  })),
];

test("cpio reads what was written: names, modes, devices and content of every length", () => {
  const archive = writeCpio(entries);
  const names = execFileSync("cpio", ["-it", "--quiet"], { input: archive, encoding: "utf8" });
  expect(names.trim().split("\n")).toEqual(entries.map((entry) => entry.name));
  const list = execFileSync("cpio", ["-itv", "--quiet"], { input: archive, encoding: "utf8" });
  expect(list).toMatch(/^drwxr-xr-x .* dev$/m);
  expect(list).toMatch(/^crw------- .* 5, +1 .* dev\/console$/m);
  expect(list).toMatch(/^-rwxr-xr-x .* 5 .* filexxxxx$/m);
  for (const { name, content } of entries.slice(2))
    expect(
      execFileSync("cpio", ["-i", "--to-stdout", "--quiet", name], { input: archive }).equals(
        content ?? Buffer.of(),
      ),
    ).toBe(true);
});

test("same files, same bytes, aligned to four", () => {
  expect(writeCpio(entries).equals(writeCpio(entries))).toBe(true);
  expect(writeCpio(entries).length % 4).toBe(0);
});
