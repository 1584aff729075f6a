// SPDX-License-Identifier: Apache-2.0
import { type Diagnostic, diagnose, failIfAny } from "../diagnostics.js";

/** Paths that a kernel build uses in commands, makefiles and lists. */
export interface BuildPaths {
  /** The source, the output, the linker: make takes no blanks in these, and the kernel's makefile no colons. */
  readonly words: readonly string[];
  /** `JETTISON_COMPONENTS` has colons between them. */
  readonly manifests: readonly string[];
}

/** Refuses at once what would end in a message about something else, after minutes of building. */
export function checkPaths({ words, manifests }: BuildPaths): void {
  const refuse = (path: string, sign: string): Diagnostic => diagnose("path-unusable", { path, sign });
  failIfAny([
    ...words.flatMap((path) => {
      const sign = /[\s:#$%"'`\\;&|<>()*?]/.exec(path)?.[0];
      return sign === undefined ? [] : [refuse(path, sign)];
    }),
    ...manifests.filter((path) => path.includes(":")).map((path) => refuse(path, ":")),
  ]);
}
