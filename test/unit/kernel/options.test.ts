// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { checkRequirements, checkTaken, checkWishes, parseOptions } from "../../../src/kernel/options.js";

const good = {
  CONFIG_X86_64: "y",
  CONFIG_STRICT_KERNEL_RWX: "y",
};

test("settings are read with their lines, and nothing else", () => {
  const text = '# a comment\nCONFIG_A=y\n\n# CONFIG_B is not set\nCONFIG_C="x y"\nnonsense\nCONFIG_D=n\n';
  expect(parseOptions(text)).toEqual([
    { name: "CONFIG_A", value: "y", line: 2 },
    { name: "CONFIG_B", value: "n", line: 4 },
    { name: "CONFIG_C", value: '"x y"', line: 5 },
    { name: "CONFIG_D", value: "n", line: 7 },
  ]);
});

test("a configuration that has what is needed passes", () => {
  expect(checkRequirements(new Map(Object.entries(good)))).toEqual([]);
});

test.each([
  ["CONFIG_STRICT_KERNEL_RWX", "n"],
  ["CONFIG_CFI_CLANG", "y"],
  ["CONFIG_LTO_CLANG", "y"],
  ["CONFIG_X86_64", "n"],
])("%s=%s is named", (option, value) => {
  const [diagnostic, ...others] = checkRequirements(new Map(Object.entries({ ...good, [option]: value })));
  expect(others).toEqual([]);
  expect(diagnostic).toMatchObject({ code: "config-unsupported", exit: 2 });
  expect(diagnostic!.message).toContain(option);
});

test("a wish against what is needed is refused, silence and what only clang has are not", () => {
  const codes = (given: Record<string, string>) =>
    checkWishes(new Map(Object.entries(given))).map(({ code }) => code);
  expect(codes({})).toEqual([]);
  expect(codes({ CONFIG_LTO_CLANG: "y", CONFIG_X86_64: "y" })).toEqual([]);
  expect(codes({ CONFIG_STRICT_KERNEL_RWX: "n", CONFIG_CFI_CLANG: "y" })).toEqual([
    "config-unsupported",
    "config-unsupported",
  ]);
});

test("a line of a fragment without effect is named with its place", () => {
  const fragment = parseOptions("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=y\n# CONFIG_D is not set\n");
  const config = new Map([
    ["CONFIG_A", "m"],
    ["CONFIG_B", "y"],
  ]);
  const found = checkTaken(
    fragment.map((option) => ({ ...option, file: "some.config" })),
    config,
  );
  expect(found.map(({ code }) => code)).toEqual(Array(3).fill("config-not-taken"));
  expect(found.map(({ message }) => message.split(":").slice(0, 2).join(":"))).toEqual([
    "some.config:1",
    "some.config:2",
    "some.config:3",
  ]);
});
