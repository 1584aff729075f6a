// SPDX-License-Identifier: Apache-2.0
/** Checks a kernel configuration for a build with Jettison, before the hour that the build takes. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { execa } from "execa";
import type { Component } from "../3-component/component.js";
import { fail } from "../diagnostics.js";
import { checkWishes, parseOptions } from "../kernel/options.js";

/** `unsaid`: the configuration is a fragment, and Kconfig decides; `any`: no option matters. */
export type Presence = "built-in" | "module" | "absent" | "unsaid" | "any";

export interface Examination {
  readonly version: 1;
  readonly file: string;
  /** The release for which the configuration was made, if it names one. */
  readonly release?: string;
  /** Kconfig wrote it: what it does not mention is off. */
  readonly isWhole: boolean;
  /** Obstacles, and their remedies. */
  readonly inTheWay: readonly string[];
  readonly components: readonly {
    readonly name: string;
    readonly title: string;
    readonly presence: Presence;
    /** The options that build it, as the configuration sets them. */
    readonly options: readonly { readonly name: string; readonly value: string }[];
  }[];
}

/** `-` is standard input. Text as it is, or packed by gzip or xz. */
export async function readConfigText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === "-" ? 0 : file);
  } catch (error) {
    fail("file-unreadable", { file, cause: (error as Error).message });
  }
  const isPacked = (...magic: number[]) => magic.every((byte, index) => bytes[index] === byte);
  try {
    if (isPacked(0x1f, 0x8b)) return gunzipSync(bytes).toString();
    if (isPacked(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0))
      return (await execa("xz", ["-dc"], { input: bytes, maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    fail("file-unreadable", { file, cause: (error as Error).message.split("\n")[0]! });
  }
  return bytes.toString();
}

export function examineConfig(file: string, text: string, manifest: readonly Component[]): Examination {
  const options = parseOptions(text);
  if (options.length === 0) fail("config-empty", { file });
  const values = new Map(options.map(({ name, value }) => [name, value]));
  const release = text.match(/^# Linux\/\S+ (\S+) Kernel Configuration$/m)?.[1];
  // Kconfig writes the compiler into every configuration that it makes.
  const isWhole = values.has("CONFIG_CC_VERSION_TEXT");
  return {
    version: 1,
    file,
    ...(release === undefined ? {} : { release }),
    isWhole,
    inTheWay: checkWishes(values).map(({ message }) => message),
    components: manifest.map(({ name, title, config = [] }) => {
      const said = config.map((option) => ({ name: option, value: values.get(`CONFIG_${option}`) }));
      const has = (value: string) => said.some((one) => one.value === value);
      const isOpen = !isWhole && said.some(({ value }) => value === undefined);
      const presence =
        config.length === 0
          ? "any"
          : has("y")
            ? "built-in"
            : has("m")
              ? "module"
              : isOpen
                ? "unsaid"
                : "absent";
      return {
        ...{ name, title, presence },
        options: said.map((one) => ({ name: one.name, value: one.value ?? (isWhole ? "n" : "unsaid") })),
      };
    }),
  };
}
