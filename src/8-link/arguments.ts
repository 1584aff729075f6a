// SPDX-License-Identifier: Apache-2.0
/**
 * The command line of `ld` in a kernel build, as far as Jettison must know it. Everything else in the command line
 * is kept as it stands.
 */

export interface LinkArguments {
  readonly argv: readonly string[];
  readonly output: string;
  readonly isRelocatable: boolean;
  readonly script: string | undefined;
  /** Positions in `argv` of the input files. */
  readonly wholeInputs: readonly number[];
  /** Positions of archives of which only needed members are linked. */
  readonly libraries: readonly number[];
}

/** Options of GNU ld whose value is the next argument. */
const withValue = new Set(["-o", "-m", "-z", "-T", "-e", "-L", "-l", "-b", "-Map", "--script", "--output"]);

export function parseLinkArguments(argv: readonly string[]): LinkArguments {
  let output = "a.out";
  let isRelocatable = false;
  let script: string | undefined;
  let isWhole = false;
  const wholeInputs: number[] = [];
  const libraries: number[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index]!;
    const value = argv[index + 1] ?? "";
    if (argument === "-r" || argument === "--relocatable") isRelocatable = true;
    else if (argument === "--whole-archive") isWhole = true;
    else if (argument === "--no-whole-archive") isWhole = false;
    else if (argument === "-o" || argument === "--output") output = value;
    else if (argument === "-T" || argument === "--script") script = value;
    else if (argument.startsWith("--script=")) script = argument.slice("--script=".length);
    else if (!argument.startsWith("-"))
      (isWhole || !argument.endsWith(".a") ? wholeInputs : libraries).push(index);
    if (withValue.has(argument)) index++;
  }
  return { argv, output, isRelocatable, script, wholeInputs, libraries };
}
