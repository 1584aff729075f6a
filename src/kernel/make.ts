// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from "node:os";

/**
 * Variables that must not come from the user's environment: the same inputs give the same bytes. Variables of an
 * outer make, and those that the kernel's Makefile takes from the environment.
 */
export const makeEnvironment: Record<string, string> = {
  LC_ALL: "C",
  MAKEFLAGS: "",
  MAKELEVEL: "0",
  MFLAGS: "",
  // Not x86_64, with which tinyconfig sees, and turns off, what it leaves alone otherwise: the mitigations.
  ARCH: "x86",
  CROSS_COMPILE: "",
  // The one choice of tools that is the user's: clang and lld, of this version.
  get LLVM() {
    return process.env.LLVM ?? "";
  },
  KCFLAGS: "",
  KAFLAGS: "",
  KCPPFLAGS: "",
  KCONFIG_CONFIG: ".config",
  KBUILD_EXTMOD: "",
  KBUILD_VERBOSE: "",
  // Set, though empty: no "+" for a checkout without a tag.
  LOCALVERSION: "",
  KBUILD_BUILD_TIMESTAMP: "Thu Jan  1 00:00:00 UTC 1970",
  KBUILD_BUILD_USER: "jettison",
  KBUILD_BUILD_HOST: "jettison",
  KBUILD_BUILD_VERSION: "1",
};

export function makeCommand(source: string, output: string, args: readonly string[]): string[] {
  return [
    "make",
    "-C",
    source,
    `O=${output}`,
    `-j${availableParallelism()}`,
    "--no-print-directory",
    ...args,
  ];
}
