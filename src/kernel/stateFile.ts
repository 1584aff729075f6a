// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Where Jettison keeps what it has to remember about a build folder; kbuild leaves this name alone. */
export function stateFile(output: string, name: string): string {
  const folder = join(output, ".jettison");
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
}
