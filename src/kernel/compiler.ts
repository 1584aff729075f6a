// SPDX-License-Identifier: Apache-2.0
import { fail } from "../diagnostics.js";
import { runToEnd } from "../process.js";

/**
 * The compiler and the linker of a kernel build. `LLVM` of the environment chooses them as it does for kbuild: `1`; a
 * version, `-19`; or a folder, `/opt/llvm/bin/`.
 */
export function findToolchain(llvm = process.env.LLVM ?? ""): {
  readonly compiler: string;
  readonly linker: string;
} {
  if (llvm === "") return { compiler: "gcc", linker: "ld" };
  const [prefix, suffix] = llvm.endsWith("/") ? [llvm, ""] : ["", llvm.startsWith("-") ? llvm : ""];
  return { compiler: `${prefix}clang${suffix}`, linker: `${prefix}ld.lld${suffix}` };
}

/** The first lines of `--version` of the programs that objects and kernels depend on. */
export async function identifyCompiler(): Promise<string> {
  const { compiler, linker } = findToolchain();
  const versions = await Promise.all([compiler, linker].map(versionOf));
  return versions.join("\n");
}

async function versionOf(tool: string): Promise<string> {
  const { stdout, notFound, status, tail } = await runToEnd([tool, "--version"]);
  if (notFound) {
    const version = /-\d+$/.exec(tool)?.[0] ?? "";
    const clang = `clang${version} lld${version} llvm${version}`;
    const packages = process.env.LLVM ? clang : "gcc binutils";
    fail("tool-missing", { tool, purpose: "the build of a kernel", package: packages });
  }
  if (status !== undefined) fail("command-failed", { command: `${tool} --version`, status, tail });
  return stdout.split("\n")[0]!;
}
