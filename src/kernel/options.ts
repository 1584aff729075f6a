// SPDX-License-Identifier: Apache-2.0
/** Kernel configurations as text: reading them, and what Jettison needs of one. */
import { type Diagnostic, diagnose } from "../diagnostics.js";

export interface Option {
  readonly name: string;
  /** `y`, `m`, a number or a quoted string; `n` for a line that says it is not set. */
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

/** The settings of a `.config` or of a fragment of one; comments and empty lines are ignored. */
export function parseOptions(text: string): Option[] {
  return text.split("\n").flatMap((line, index) => {
    const set = line.match(/^(CONFIG_\w+)=(.*?)\s*$/);
    const unset = line.match(/^# (CONFIG_\w+) is not set\s*$/);
    const name = set?.[1] ?? unset?.[1];
    return name === undefined ? [] : [{ name, value: set?.[2] ?? "n", line: index + 1 }];
  });
}

export const formatOption = (name: string, value: string) =>
  value === "n" ? `# ${name} is not set` : `${name}=${value}`;

const requirements = [
  ["CONFIG_X86_64", "y", "Jettison knows x86-64 only"],
  ["CONFIG_STRICT_KERNEL_RWX", "y", "pages are freed by the rules that it makes for the kernel's memory"],
  [
    "CONFIG_LTO_CLANG",
    "n",
    "its objects are LLVM bitcode, which has neither code nor sections before the link",
  ],
  ["CONFIG_CFI", "n", "its type checks look at the words before a function, and a gate has none"], // since 6.18
  ["CONFIG_CFI_CLANG", "n", "its type checks look at the words before a function, and a gate has none"],
] as const;

/** Every option of the finished configuration that stands in Jettison's way. */
export function checkRequirements(config: ReadonlyMap<string, string>): Diagnostic[] {
  return requirements.flatMap(([option, needs, why]) => {
    const is = config.get(option) ?? "n";
    return is === needs ? [] : [diagnose("config-unsupported", { option, is, needs, why })];
  });
}

/**
 * The same for what a given configuration says itself. Kconfig may quietly overrule it, and the user would get
 * a kernel that is not the one asked for. Without clang it drops link-time optimisation, which the finished one shows.
 */
export function checkWishes(given: ReadonlyMap<string, string>): Diagnostic[] {
  const unsaid = requirements
    .filter(([option]) => !given.has(option) || option === "CONFIG_LTO_CLANG")
    .map(([option, needs]) => [option, needs] as const);
  return checkRequirements(new Map([...given, ...unsaid]));
}

/** Every line of a fragment that the finished configuration does not have. */
export function checkTaken(
  fragment: readonly (Option & { readonly file: string })[],
  config: ReadonlyMap<string, string>,
): Diagnostic[] {
  return fragment.flatMap(({ file, name, value, line }) => {
    const is = config.get(name) ?? "n";
    if (is === value) return [];
    return [
      diagnose("config-not-taken", {
        file,
        line,
        wanted: formatOption(name, value),
        is: config.has(name) ? formatOption(name, is) : `no ${name}`,
      }),
    ];
  });
}
